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
from tests.ops.convolutions import (
    BIAS_DTYPES,
    PADDINGS,
    activations,
    biases,
    float_products,
    hybrid_inputs,
    results,
    weights,
)
from tflite_schema import BuiltinOperator, Padding, TensorType, TransposeConvOptions

Shape = tuple[int, ...]


@st.composite
def geometries(draw: st.DrawFn) -> tuple[Shape, Shape, Shape, TransposeConvOptions]:
    """The shapes of result, weights and input, and the options. The result's size is any that gives the input's."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    image = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    padding = draw(PADDINGS)
    size = []
    for k, stride, pixels in zip(kernel, strides, image, strict=True):
        least = (pixels - 1) * stride + (k if padding == Padding.VALID else 1)
        size.append(least + draw(st.integers(0, stride - 1)))
    batch, channels, outputs = draw(strategies.batch()), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    chosen = TransposeConvOptions(padding=padding, stride_h=strides[0], stride_w=strides[1])
    chosen.fused_activation_function = draw(strategies.FUSED)
    return (batch, *size, outputs), (outputs, *kernel, channels), (batch, *image, channels), chosen


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, *, int32_bias: bool = False) -> OneOp:
    y_shape, w_shape, x_shape, chosen = draw(geometries())
    x, w = draw(activations(x_shape, dtype)), draw(weights(w_shape, dtype, 0))
    operands: list[Operand | None] = [Operand(np.array(y_shape, np.int32), constant=True), w, x]
    if draw(st.booleans()):
        operands.append(draw(biases(w_shape[0], np.int32 if int32_bias else BIAS_DTYPES[dtype], x, w)))
    elif draw(st.booleans()):
        operands.append(None)
    chosen.quantized_bias_type = TensorType.INT32 if int32_bias else TensorType.FLOAT32
    y = draw(results(x, w, int(np.prod(w_shape[1:])), dtype))
    return OneOp(BuiltinOperator.TRANSPOSE_CONV, operands, [y], chosen, 4)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    y_shape, w_shape, x_shape, chosen = draw(geometries())
    tolerance, (x, w, bias) = draw(float_products(x_shape, w_shape, w_shape[:1]))
    operands = [
        Operand(np.array(y_shape, np.int32), constant=True),
        Operand(w, constant=draw(st.booleans())),
        Operand(x),
        Operand(bias, constant=True) if draw(st.booleans()) else None,
    ]
    return OneOp(BuiltinOperator.TRANSPOSE_CONV, operands, [Result(np.float32)], chosen, 4, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn) -> OneOp:
    y_shape, w_shape, x_shape, chosen = draw(geometries())
    operands: list[Operand | None] = [
        Operand(np.array(y_shape, np.int32), constant=True),
        draw(weights(w_shape, np.int8, 0)),
        draw(hybrid_inputs(x_shape)),
    ]
    if draw(st.booleans()):
        operands.append(Operand(draw(strategies.floats(w_shape[:1])), constant=True))
    return OneOp(BuiltinOperator.TRANSPOSE_CONV, operands, [Result(np.float32)], chosen, 4)


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
    "int16 with int32 bias": quantized(np.int16, int32_bias=True),
    "hybrid": hybrid(),
}
test_matches_reference = matches_reference(CASES)


def tiny(shape: tuple[int, ...] = (1, 1, 4, 1), **changes: Any) -> OneOp:
    """Two pixels (1, 10), window (1, 2, 3), stride 1: 1, 2 + 10, 3 + 20, 30; M = 1/4."""
    sizes = Operand(np.array(shape, np.int32), constant=True)
    x = Operand(np.array([3, 12], np.int8).reshape(1, 1, 2, 1), 0.5, 2)
    w = Operand(np.array([1, 2, 3], np.int8).reshape(1, 1, 3, 1), 0.5, constant=True)
    chosen = TransposeConvOptions(padding=Padding.VALID, stride_h=1, stride_w=1)
    case = OneOp(BuiltinOperator.TRANSPOSE_CONV, [sizes, w, x], [Result(np.int8, 1.0, -1)], chosen, 2)
    return replace(case, **changes)


def test_by_hand() -> None:
    """M = 2^-1 * 2^-1: 1, 12, 23, 30 become 1, 6, 12, 15 and then 1, 3, 6, 8: twice rounded, 0.25 is 1. zy = -1."""
    interpreter = Interpreter(tiny().model())
    recording = interpreter.record()
    assert interpreter.run(tiny().feeds())[0].tolist() == [[[[0], [2], [5], [7]]]]
    assert recording.steps(0)["accumulate"].reshape(-1).tolist() == [1, 12, 23, 30]
    assert check(tiny()) == 4


def test_shape_known_at_run_time() -> None:
    sizes, w, x = tiny().operands
    assert sizes is not None
    case = tiny(operands=[replace(sizes, constant=False), w, x])
    assert check(case) == 4


def refuses(case: OneOp, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Interpreter(case.model()).allocate_tensors()


def test_refusals() -> None:
    sizes, w, x = tiny().operands
    assert sizes is not None
    assert w is not None
    assert x is not None
    refuses(tiny((1, 1, 5, 1)), ShapeError, r"belongs to an image \(1, 3\), the input is \(1, 1, 2, 1\)")
    refuses(tiny((2, 1, 4, 1)), ShapeError, "does not fit input and weights")
    refuses(tiny((1, 4, 1)), ShapeError, "no shape of four dimensions")
    refuses(tiny((1, -1, 4, 1)), ShapeError, "no shape of four dimensions")
    refuses(tiny((1, 1, 2, 1)), ShapeError, "does not fit an image")
    wide = replace(sizes, value=sizes.value.astype(np.int64))
    refuses(tiny(operands=[wide, w, x]), ModelError, "type int64, not int32")
    int4 = replace(w, type=TensorType.INT4)
    refuses(tiny(operands=[sizes, int4, x]), UnsupportedError, "weights of type int4")
    refuses(
        tiny(operands=[sizes, replace(w, value=np.zeros((1, 1, 3, 2), np.int8)), x]), ShapeError, "do not fit 1 input"
    )
    still = TransposeConvOptions(padding=Padding.VALID)
    refuses(tiny(options=still), ShapeError, "strides")


def test_vector_code_takes_sixteen_uint8_results_at_a_time() -> None:
    """Optimized kernels: of 37 halves below zero 32 go up, whatever the channels; the others away from zero."""
    x = Operand(np.arange(37, dtype=np.uint8).reshape(1, 1, 37, 1), 1.0, 40)
    w = Operand(np.ones((1, 1, 1, 1), np.uint8), 1.0, constant=True)
    shape = Operand(np.array([1, 1, 37, 1], np.int32), constant=True)
    options = TransposeConvOptions(padding=Padding.VALID, stride_h=1, stride_w=1)
    case = OneOp(BuiltinOperator.TRANSPOSE_CONV, [shape, w, x], [Result(np.uint8, 4.0, 100)], options, 1)
    assert check(case, "optimized") == check(case) == 37
    assert Interpreter(case.model(), kernels="optimized").run(case.feeds())[0].reshape(-1)[[2, 34]].tolist() == [91, 98]


def test_strides_beyond_the_result_crash_xnnpack() -> None:
    x = Operand(np.ones((1, 1, 1, 1), np.int8), 0.5)
    w = Operand(np.ones((1, 4, 1, 1), np.int8), 0.5, constant=True)
    shape = Operand(np.ones(4, np.int32), constant=True)
    options = TransposeConvOptions(padding=Padding.SAME, stride_h=3, stride_w=1)
    case = OneOp(BuiltinOperator.TRANSPOSE_CONV, [shape, w, x], [Result(np.int8, 1.0)], options, 2)
    with pytest.raises(UnsupportedError, match="crashes"):
        Interpreter(case.model([(1, 1, 1, 1)]), kernels="xnnpack").allocate_tensors()


@pytest.mark.parametrize("kernels", ["xnnpack", "xnnpack@litert-2.3"])
def test_xnnpack_adds_integers_up(kernels: str) -> None:
    """Other kernels turn every product of float rows and int8 weights into a float first."""
    rng = np.random.default_rng(8)
    operands = [
        Operand(np.array([2, 8, 7, 5], np.int32), constant=True),
        Operand(rng.integers(-127, 128, (5, 3, 2, 6)).astype(np.int8), [0.1, 0.2, 0.3, 0.4, 0.5], [0] * 5, 0, True),
        Operand(rng.normal(1, 2, (2, 4, 4, 6)).astype(np.float32)),
        Operand(rng.normal(0, 1, 5).astype(np.float32), constant=True),
    ]
    chosen = TransposeConvOptions(padding=Padding.SAME, stride_h=2, stride_w=2)
    case = OneOp(BuiltinOperator.TRANSPOSE_CONV, operands, [Result(np.float32)], chosen, 4)
    assert compare(case, kernels) == (2 * 8 * 7 * 5, True)
