"""Every operator and integer type under the optimized kernels and XNNPACK, against TFLite itself.

The cases are those of tests/ops; who runs a node (delegated to XNNPACK or refused) is compared too. An operator whose
arithmetic in a set is not known refuses to run there, which is asserted as well; so does one that crashes TFLite.
`make conformance` goes on until a million values of each were compared, and writes qcore/data/kernel_sets.json.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.op import Node, find
from tests import oracle
from tests.one_op import Compared, OneOp, Operand, Result, check, compare
from tests.test_conformance import cells, draw, record, wanted
from tflite_schema import BuiltinOperator, Conv2DOptions, FullyConnectedOptions, Padding, TensorType

KNOWN = ("crashes", "use kernels='reference'")
"""What a refusal under another kernel set says: TFLite crashes, or an operator in a subgraph is not known."""
SETS = ("optimized", "xnnpack", "reference@litert-2.3", "optimized@litert-2.3", "xnnpack@litert-2.3")
INTEGER = ("int8", "uint8", "int16", "int4", "hybrid")


def integer_cells() -> list[Any]:
    return [cell for cell in cells() if any(word in cell.values[1] for word in INTEGER)]


def float_cells() -> list[Any]:
    return [cell for cell in cells() if "float32" in cell.values[1]]


def measure(case: OneOp, kernels: str) -> Compared | str:
    """What was compared, or why the model refuses: its operator's arithmetic in this set is not known."""
    model = case.model()
    index = next(i for i, operator in enumerate(model.main.operators) if operator.code == case.code)
    op = find(case.code, model.main.operators[index].custom_code)
    if kernels.startswith("optimized") and op.variant(Node.of(model, 0, index)) in op.reference_only:
        with pytest.raises(UnsupportedError, match="use kernels='reference'") as refusal:
            Interpreter(model, kernels=kernels).allocate_tensors()
        return reason(refusal.value)
    if kernels.endswith("litert-2.3") and any(result.type == TensorType.BFLOAT16 for result in case.results):
        return "ai-edge-litert gives no bfloat16 tensors out"
    try:
        return compare(case, kernels)
    except UnsupportedError as error:
        if not any(words in str(error) for words in KNOWN):
            raise
        return reason(error)


def reason(error: UnsupportedError) -> str:
    """A refusal without its places and its remedy, each sentence once."""
    text = re.sub(r"subgraph \d+, operator \d+ \w+ \([^)]*\): |; use kernels='reference'", "", str(error))
    return "; ".join(dict.fromkeys(text.split("; ")))


@pytest.mark.parametrize("kernels", ["optimized", "xnnpack"])
@pytest.mark.parametrize(("name", "variant"), integer_cells())
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_matches(name: str, variant: str, kernels: str, data: st.DataObject) -> None:
    cases: st.SearchStrategy[OneOp] = importlib.import_module(f"tests.ops.{name}").CASES[variant]
    measure(data.draw(cases), kernels)


@pytest.mark.parametrize("kernels", ["optimized", "xnnpack"])
@pytest.mark.parametrize(("name", "variant"), float_cells())
@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_floats_match(name: str, variant: str, kernels: str, data: st.DataObject) -> None:
    """In all bits, or within 1e-5 where the interpreter says so."""
    cases: st.SearchStrategy[OneOp] = importlib.import_module(f"tests.ops.{name}").CASES[variant]
    measure(data.draw(cases), kernels)


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "variant"), [*integer_cells(), *float_cells()])
def test_a_million_values(name: str, variant: str) -> None:
    enough = {kernels: wanted(variant) // (5 if "@" in kernels else 1) for kernels in SETS}
    tallies = draw(name, variant, enough, measure)
    for kernels, tally in tallies.items():
        if tally.failure is None:
            assert tally.values or tally.hopeless, f"{kernels}: no values in {tally.models} models"
            record(name, variant, tally, oracle.runtime(kernels), kernels)
    failures = [tally.failure for tally in tallies.values() if tally.failure is not None]
    assert not failures, "\n\n".join(failures)


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
    shapes = [y.shape for y in Interpreter(case.model()).run(case.feeds())]
    (node,) = Interpreter(case.model(shapes), kernels="xnnpack").executors()
    assert node.refused is None


@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "stride"), [(3, 5, 1, 1), (1, 1, 1, 1), (1, 2, 1, 1), (4, 4, 2, 1), (3, 5, 1, 2)]
)
def test_xnnpack_quantizes_single_pixels(channels: int, outputs: int, groups: int, stride: int) -> None:
    """Where a 1 x 1 convolution is a product of matrices, each pixel is a row; otherwise the image is."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (2, 4, 4, channels)) * np.exp(rng.normal(0, 2, (2, 4, 4, 1)))
    w = rng.integers(-127, 128, (outputs, 1, 1, channels // groups)).astype(np.int8)
    operands = [
        Operand(x.astype(np.float32)),
        Operand(w, np.linspace(0.1, 0.4, outputs, dtype=np.float32), [0] * outputs, constant=True),
        Operand(np.zeros(outputs, np.float32), constant=True),
    ]
    chosen = Conv2DOptions(padding=Padding.SAME, stride_h=stride, stride_w=stride)
    case = OneOp(BuiltinOperator.CONV_2D, operands, [Result(np.float32)], chosen, 5)
    assert check(case, "xnnpack") == 2 * (4 // stride) ** 2 * outputs


@pytest.mark.parametrize(("outputs", "depth"), [(5, 8), (7, 64)])
def test_xnnpack_takes_int4_rows(outputs: int, depth: int) -> None:
    """The optimized kernels have code of their own for more than 32 columns, which is not known."""
    rng = np.random.default_rng(4)
    x = Operand(rng.normal(0, 1, (3, depth)).astype(np.float32))
    scales, zeros = np.linspace(0.1, 0.4, outputs, dtype=np.float32), [0] * outputs
    w = Operand(rng.integers(-7, 8, (outputs, depth)).astype(np.int8), scales, zeros, 0, True, type=TensorType.INT4)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.float32)], FullyConnectedOptions(), 12)
    for kernels in ("xnnpack", "xnnpack@litert-2.3"):
        assert compare(case, kernels).delegated


def test_xnnpack_refuses_ranges_beyond_float32() -> None:
    x = Operand(np.array([[2e-36, 0.0]], np.float32))
    w = Operand(np.ones((1, 2), np.int8), 1.0, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.float32)], FullyConnectedOptions(), 12)
    with pytest.raises(UnsupportedError, match="too narrow"):
        Interpreter(case.model([(1, 1)]), kernels="xnnpack").run(case.feeds())
