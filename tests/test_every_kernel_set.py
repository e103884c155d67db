"""Every operator and integer type under the optimized kernels and XNNPACK, against TFLite itself.

The cases are those of tests/ops; who runs a node (delegated to XNNPACK or refused) is compared too. An operator whose
arithmetic in a set is not known refuses to run there, which is asserted as well; so does one that crashes TFLite.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.op import Node, find
from tests import oracle
from tests.one_op import OneOp, check
from tests.test_conformance import cells

KNOWN = ("crashes", "use kernels='reference'")
"""What a refusal under another kernel set says: TFLite crashes, or an operator in a subgraph is not known."""
INTEGER = ("int8", "uint8", "int16", "int4", "hybrid")


def integer_cells() -> list[Any]:
    return [cell for cell in cells() if any(word in cell.values[1] for word in INTEGER)]


def compare(case: OneOp, kernels: str) -> int:
    """The number of values compared; 0 where the operator says it does not know this set's arithmetic."""
    model = case.model()
    index = next(i for i, operator in enumerate(model.main.operators) if operator.code == case.code)
    op = find(case.code, model.main.operators[index].custom_code)
    if op.variant(Node.of(model, 0, index)) in op.reference_only:
        with pytest.raises(UnsupportedError, match="use kernels='reference'"):
            Interpreter(model, kernels=kernels).allocate_tensors()
        return 0
    try:
        return check(case, kernels)
    except UnsupportedError as error:
        if not any(words in str(error) for words in KNOWN):
            raise
        return 0


@pytest.mark.parametrize("kernels", ["optimized", "xnnpack"])
@pytest.mark.parametrize(("name", "variant"), integer_cells())
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_matches(name: str, variant: str, kernels: str, data: st.DataObject) -> None:
    cases: st.SearchStrategy[OneOp] = importlib.import_module(f"tests.ops.{name}").CASES[variant]
    compare(data.draw(cases), kernels)


@oracle.needs_shared
@pytest.mark.parametrize("kernels", ["optimized", "xnnpack"])
@pytest.mark.parametrize(
    "name",
    [
        "mlptiny_pretrainedResnet_quant",
        "mlptiny_ad01_int8",
        "mlptiny_kws_ref_model",
        "tflm_micro_speech_quantized",
        "coral_mobilenet_v1_0.25_128_quant",
    ],
)
def test_outputs_of_whole_models(name: str, kernels: str) -> None:
    model = (oracle.MODELS / f"{name}.tflite").read_bytes()
    ours = Interpreter(model, kernels=kernels)
    details = ours.get_input_details()
    for seed in range(2):
        rng = np.random.default_rng(seed)
        limits = [np.iinfo(detail["dtype"]) for detail in details]
        feeds = [
            rng.integers(limit.min, limit.max, detail["shape"], detail["dtype"], endpoint=True)
            for detail, limit in zip(details, limits, strict=True)
        ]
        for mine, theirs in zip(ours.run(feeds), oracle.outputs(model, feeds, kernels=kernels), strict=True):
            assert np.array_equal(mine, theirs)
