from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from tests import strategies
from tests.one_op import OneOp, Operand, Result, check, compare, matches_reference
from tests.ops.convolutions import activations, float_products, hybrid_inputs, results
from tflite_schema import BatchMatMulOptions, BuiltinOperator

Shape = tuple[int, ...]


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, Shape, BatchMatMulOptions]:
    """The shapes of x and w and the options; leading dimensions are equal, 1, or missing on one side."""
    rows, depth, columns = draw(st.integers(1, 8)), draw(st.integers(1, 20)), draw(st.integers(1, 8))
    lead = draw(st.sampled_from([(), (1,), (2,), (2, 3), (1, 3, 2)]))
    if lead:
        lead = (draw(strategies.batch()), *lead[1:])

    def thinned() -> Shape:
        kept = tuple(size if draw(st.booleans()) else 1 for size in lead)
        return kept[draw(st.integers(0, len(kept))) :]

    pattern = draw(st.sampled_from(["equal", "left", "right", "both"]))
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    x = (*(thinned() if pattern in ("left", "both") else lead), *((depth, rows) if adj_x else (rows, depth)))
    w = (*(thinned() if pattern in ("right", "both") else lead), *((columns, depth) if adj_y else (depth, columns)))
    if adj_x and min(len(x), len(w)) > 2 and w[-3] == 1:  # TensorFlow 2.21 leaves results unwritten
        x = (*x[:-3], 1, *x[-2:])
    return x, w, BatchMatMulOptions(adj_x=adj_x, adj_y=adj_y)


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, *, accumulators: bool = False) -> OneOp:
    x_shape, w_shape, chosen = draw(shapes())
    x = draw(activations(x_shape, dtype))
    w = replace(draw(activations(w_shape, dtype)), constant=draw(st.booleans()))
    if dtype is np.int16:
        w = replace(w, zero_point=0)
    y = Result(np.int32) if accumulators else draw(results(x, w, x_shape[-1], dtype))
    return OneOp(BuiltinOperator.BATCH_MATMUL, [x, w], [y], chosen, 3)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    x_shape, w_shape, chosen = draw(shapes())
    tolerance, (x, w) = draw(float_products(x_shape, w_shape))
    operands = [Operand(x), Operand(w, constant=draw(st.booleans()))]
    return OneOp(BuiltinOperator.BATCH_MATMUL, operands, [Result(np.float32)], chosen, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn) -> OneOp:
    x_shape, w_shape, chosen = draw(shapes())
    # TFLite sums no more than the matrices of the two inner leading dimensions, and may read beyond.
    chosen.asymmetric_quantize_inputs = draw(st.booleans()) and len(w_shape) < 5
    axis = len(w_shape) - (2 if chosen.adj_y else 1)
    scale = draw(st.one_of(strategies.scales(), strategies.channel_scales(w_shape[axis])))
    w = Operand(draw(strategies.integers(w_shape, np.int8)), scale, 0, axis, constant=draw(st.booleans()))
    operands = [draw(hybrid_inputs(x_shape)), w]
    return OneOp(BuiltinOperator.BATCH_MATMUL, operands, [Result(np.float32)], chosen, 3)


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "int8 to int32": quantized(np.int8, accumulators=True),
    "int16": quantized(np.int16),
    "hybrid": hybrid(),
}
test_matches_reference = matches_reference(CASES)


def tiny(**changes: Any) -> OneOp:
    """x - zx = (1, 2), w - zw = (3, 5) transposed: acc = 13; M = 1/2."""
    x = Operand(np.array([[3, 4]], np.int8), 0.5, 2)
    w = Operand(np.array([[4, 6]], np.int8), 1.0, 1)
    chosen = BatchMatMulOptions(adj_y=True)
    return replace(OneOp(BuiltinOperator.BATCH_MATMUL, [x, w], [Result(np.int8, 1.0, -7)], chosen, 2), **changes)


def test_by_hand() -> None:
    """6.5 rounds to 7; the zero point is -7."""
    interpreter = Interpreter(tiny().model())
    recording = interpreter.record()
    assert interpreter.run(tiny().feeds())[0].tolist() == [[0]]
    assert recording.steps(0)["accumulate"].tolist() == [[13]]
    assert check(tiny()) == 1


def test_transposed_batches_times_one_matrix() -> None:
    """TensorFlow 2.21 writes the first matrix of the result only; its later versions give this."""
    x = Operand(np.arange(1, 7, dtype=np.float32).reshape(3, 2, 1))
    w = Operand(np.array([[[1], [10]]], np.float32))
    case = OneOp(BuiltinOperator.BATCH_MATMUL, [x, w], [Result(np.float32)], BatchMatMulOptions(adj_x=True))
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[[21]], [[43]], [[65]]]


@pytest.mark.parametrize("depth", [300, 1500, 5000])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_long_hybrid_sums(depth: int, asymmetric: bool) -> None:
    """The zero point's share is taken off in float32, which rounds once the sums pass 2^24."""
    rng = np.random.default_rng(depth)
    x = Operand((rng.normal(0, 1, (3, depth)) + 3).astype(np.float32))
    w = Operand(rng.integers(100, 128, (5, depth)).astype(np.int8), 0.3)
    chosen = BatchMatMulOptions(adj_y=True, asymmetric_quantize_inputs=asymmetric)
    assert check(tiny(operands=[x, w], results=[Result(np.float32)], options=chosen, version=3)) == 15


def test_long_int16_sums() -> None:
    values = np.full((2, 3000), -32768, np.int16)
    assert (
        check(tiny(operands=[Operand(values, 2.0**-12), Operand(values, 2.0**-12)], results=[Result(np.int16, 8.0)]))
        == 4
    )


def refuses(case: OneOp, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Interpreter(case.model()).allocate_tensors()


def test_hybrid_refuses_sums_that_tflite_has_not_computed() -> None:
    x = Operand(np.zeros((2, 2, 2, 1, 3), np.float32))
    w = Operand(np.zeros((2, 1, 2, 3, 1), np.int8), 0.5)
    chosen = BatchMatMulOptions(asymmetric_quantize_inputs=True)
    case = tiny(operands=[x, w], results=[Result(np.float32)], options=chosen, version=3)
    refuses(case, UnsupportedError, "reads sums it has not computed")


def test_refusals() -> None:
    x, w = tiny().operands
    assert x is not None
    assert w is not None
    refuses(tiny(options=BatchMatMulOptions()), ShapeError, "matrices 1 x 2 and 1 x 2 have no product")
    refuses(tiny(operands=[replace(x, value=x.value[0]), w]), ShapeError, "2 to 5 dimensions")
    batches = [replace(x, value=np.zeros((2, 1, 2), np.int8)), replace(w, value=np.zeros((3, 1, 2), np.int8))]
    refuses(tiny(operands=batches), ShapeError, "do not broadcast")
    refuses(
        tiny(operands=[x, replace(w, value=w.value.astype(np.uint8))]), UnsupportedError, "of type uint8 has no kernel"
    )
    refuses(tiny(results=[Result(np.int16, 1.0)]), ModelError, "must have one type")


def test_xnnpack_and_a_zero_point_of_the_second_operand() -> None:
    """TensorFlow 2.21 forgets it, ai-edge-litert 2.3 leaves the node to the optimized kernels."""
    x = Operand(np.arange(6, dtype=np.int8).reshape(2, 3), 0.5, 1)
    w = Operand(np.arange(12, dtype=np.int8).reshape(3, 4), 0.25, 3)
    case = OneOp(BuiltinOperator.BATCH_MATMUL, [x, w], [Result(np.int8, 0.5, 0)], BatchMatMulOptions(), 3)
    assert compare(case, "xnnpack") == (8, True)
    assert compare(case, "xnnpack@litert-2.3") == (8, False)


@pytest.mark.parametrize("kernels", ["xnnpack", "xnnpack@litert-2.3"])
@pytest.mark.parametrize("adj", [False, True])
def test_large_matrices_in_xnnpack(adj: bool, kernels: str) -> None:
    rng = np.random.default_rng(8)
    x, w = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((2, 37, 130), (1, 130, 61)))
    operands = [
        Operand(np.swapaxes(x, 1, 2).copy() if adj else x, 0.5, -7),
        Operand(np.swapaxes(w, 1, 2).copy() if adj else w, 0.25),
    ]
    options = BatchMatMulOptions(adj_x=adj, adj_y=adj)
    case = OneOp(BuiltinOperator.BATCH_MATMUL, operands, [Result(np.int8, 512.0, 3)], options, 3)
    assert compare(case, kernels) == (2 * 37 * 61, True)
