"""Every operator and integer type under the optimized kernels and XNNPACK, against TFLite itself.

The cases are those of tests/ops; who runs a node (delegated to XNNPACK or refused) is compared too. An operator whose
arithmetic in a set is not known refuses to run there, which is asserted as well; so does one that crashes TFLite.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.op import Node, find
from tests.one_op import OneOp, Operand, Result, check
from tests.test_conformance import cells
from tflite_schema import BuiltinOperator, FullyConnectedOptions, Padding

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


@pytest.mark.parametrize("name", ["test_conv_2d", "test_fully_connected"])
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_xnnpack_quantizes_float_rows_in_its_own_way(name: str, data: st.DataObject) -> None:
    """Float results, all bits equal: the order of the float32 steps and the fused last one are XNNPACK's."""
    case = data.draw(importlib.import_module(f"tests.ops.{name}").CASES["hybrid"])
    options = case.options
    gaps = getattr(options, "padding", None) == Padding.SAME and max(options.stride_h, options.stride_w) > 1
    assume(not gaps)
    assert check(case, "xnnpack") > 0
    (node,) = Interpreter(case.model(), kernels="xnnpack").executors()
    assert node.refused is None


def test_xnnpack_refuses_ranges_beyond_float32() -> None:
    x = Operand(np.array([[1e-38, 0.0]], np.float32))
    w = Operand(np.ones((1, 2), np.int8), 1.0, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.float32)], FullyConnectedOptions(), 12)
    with pytest.raises(UnsupportedError, match="too narrow"):
        Interpreter(case.model([(1, 1)]), kernels="xnnpack").run(case.feeds())
