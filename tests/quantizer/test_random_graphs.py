"""Random graphs against the converter: parameters, structure, names and order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.ir import Model
from tests.quantizer.converter import check
from tests.quantizer.random_graphs import float_graphs

BORDERS = st.sampled_from(["float32", "int8", "uint8"])
DENIED = st.lists(st.sampled_from(["CONV_2D", "MAX_POOL_2D", "ADD", "CONCATENATION", "SLICE", "SOFTMAX"]), max_size=2)


@settings(max_examples=40)
@given(model=float_graphs(), border=BORDERS, per_channel=st.booleans())
def test_equals_the_converter(model: Model, border: str, per_channel: bool) -> None:
    check(model, inference_input_type=border, inference_output_type=border, per_channel=per_channel)


@pytest.mark.conformance
@settings(max_examples=500, derandomize=False)
@given(model=float_graphs(20), source=BORDERS, result=BORDERS, per_channel=st.booleans(), denied=DENIED)
def test_equals_the_converter_often(
    model: Model, source: str, result: str, per_channel: bool, denied: list[str]
) -> None:
    check(
        model,
        inference_input_type=source,
        inference_output_type=result,
        per_channel=per_channel,
        denylisted_ops=denied,
    )
