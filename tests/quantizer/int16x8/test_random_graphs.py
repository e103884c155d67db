"""Random graphs against TensorFlow's quantizer: every field of the file, and the integers it computes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.int16x8.converter import Refused, check, converted, run_equal
from tests.quantizer.random_graphs import float_graphs

RECIPES = st.fixed_dictionaries(
    {
        "inference_input_type": st.sampled_from(["float32", "int16"]),
        "inference_output_type": st.sampled_from(["float32", "int16"]),
        "bias_type": st.sampled_from(["int64", "int32"]),
        "per_channel": st.booleans(),
        "per_channel_dense": st.booleans(),
        "denylisted_ops": st.lists(st.sampled_from(["CONV_2D", "MAX_POOL_2D", "ADD", "SLICE", "SOFTMAX"]), max_size=1),
    }
)
# TensorFlow refuses a depthwise convolution with one scale, for no reason: what it would write runs.
ITS_OWN = "Quantized dimension for tensor property and quantization parameters do not match"


def agree(model: Model, recipe: dict[str, Any]) -> None:
    refusal = _refusal(model, recipe)
    if refusal is None:
        ours = check(model, **recipe)
        if ours is not None and any(op.name == "CONV_2D" and op.inputs[2] < 0 for op in ours.main.operators):
            with pytest.raises(Refused):  # denied, and without a bias: TFLite does not run the float model either
                run_equal(model)
        elif ours is not None:
            run_equal(ours)
    elif not refusal.startswith(ITS_OWN):
        assert "put type INT16 for" in refusal
        with pytest.raises(QuantizationError):
            quantize(model, "int16x8", **recipe)


def _refusal(model: Model, recipe: dict[str, Any]) -> str | None:
    try:
        converted(model, **recipe)
    except RuntimeError as error:
        return str(error)
    return None


@settings(max_examples=60)
@given(model=float_graphs(), recipe=RECIPES)
def test_equals_the_converter(model: Model, recipe: dict[str, Any]) -> None:
    agree(model, recipe)


@pytest.mark.conformance
@settings(max_examples=600, derandomize=False)
@given(model=float_graphs(20), recipe=RECIPES)
def test_equals_the_converter_often(model: Model, recipe: dict[str, Any]) -> None:
    agree(model, recipe)
