from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import oracle, strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.ops.convolutions import (
    BIAS_DTYPES,
    Window,
    activations,
    biases,
    float_products,
    hybrid_inputs,
    results,
    weights,
    windows,
)
from tflite_schema import ActivationFunctionType, BuiltinOperator, DepthwiseConv2DOptions, Padding, TensorType


def options(window: Window, multiplier: int, fused: ActivationFunctionType) -> DepthwiseConv2DOptions:
    return DepthwiseConv2DOptions(
        padding=window.padding,
        stride_h=window.strides[0],
        stride_w=window.strides[1],
        dilation_h_factor=window.dilations[0],
        dilation_w_factor=window.dilations[1],
        depth_multiplier=multiplier,
        fused_activation_function=fused,
    )


@st.composite
def shapes(draw: st.DrawFn, window: Window) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The shapes of x and w, and the depth multiplier."""
    multiplier, channels = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 17))
    return (draw(strategies.batch()), *window.image, channels), (1, *window.kernel, channels * multiplier), multiplier


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, *, type_: TensorType = TensorType.INT8) -> OneOp:
    window = draw(windows())
    x_shape, w_shape, multiplier = draw(shapes(window))
    x, w = draw(activations(x_shape, dtype)), draw(weights(w_shape, dtype, 3, type_=type_))
    operands = [x, w]
    if draw(st.booleans()):
        operands.append(draw(biases(w_shape[3], BIAS_DTYPES[dtype], x, w)))
    y = draw(results(x, w, w_shape[1] * w_shape[2], dtype))
    chosen = options(window, multiplier, draw(strategies.FUSED))
    return OneOp(BuiltinOperator.DEPTHWISE_CONV_2D, operands, [y], chosen, 3)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    window = draw(windows())
    x_shape, w_shape, multiplier = draw(shapes(window))
    tolerance, (x, w, bias) = draw(float_products(x_shape, w_shape, w_shape[3:]))
    operands = [Operand(x), Operand(w, constant=draw(st.booleans())), Operand(bias, constant=True)]
    chosen = options(window, multiplier, draw(strategies.FUSED))
    code, kept = BuiltinOperator.DEPTHWISE_CONV_2D, operands[: draw(st.integers(2, 3))]
    return OneOp(code, kept, [Result(np.float32)], chosen, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn) -> OneOp:
    window = draw(windows())
    x_shape, w_shape, multiplier = draw(shapes(window))
    scale = draw(strategies.channel_scales(w_shape[3]))
    w = Operand(draw(strategies.integers(w_shape, np.int8)), scale, 0, 3, constant=True)
    bias = Operand(draw(strategies.floats(w_shape[3:])), constant=True)
    operands = [draw(hybrid_inputs(x_shape)), w, bias][: draw(st.integers(2, 3))]
    chosen = options(window, multiplier, draw(strategies.FUSED))
    return OneOp(BuiltinOperator.DEPTHWISE_CONV_2D, operands, [Result(np.float32)], chosen, 6)


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
    "int4 weights": quantized(np.int8, type_=TensorType.INT4),
    "hybrid": hybrid(),
}
test_matches_reference = matches_reference(CASES)


def tiny(dtype: Any = np.int8, multiplier: int = 2, w_zero_point: int = 0) -> OneOp:
    """1 x 1 windows, two for the one channel: acc = (2, -3) * 10, bias (2, 0): (22, -30), M = 1/4."""
    x = Operand(np.array([[[[10]]]], dtype), 1.0)
    w = Operand(np.array([[[[2, -3]]]], np.int8), 0.25, w_zero_point, constant=True)
    bias = Operand(np.array([2, 0], np.int64 if dtype is np.int16 else np.int32), 0.25, constant=True)
    window = Window((1, 1), (1, 1), (1, 1), (1, 1), Padding.VALID)
    chosen = options(window, multiplier, ActivationFunctionType.NONE)
    return OneOp(BuiltinOperator.DEPTHWISE_CONV_2D, [x, w, bias], [Result(dtype, 1.0)], chosen, 3)


def test_by_hand() -> None:
    """22 / 4 = 5.5 rounds to 6, -30 / 4 = -7.5 to -8: halves away from zero."""
    assert Interpreter(tiny().model()).run(tiny().feeds())[0].tolist() == [[[[6, -8]]]]
    assert check(tiny()) == 2


def test_int16_rounds_halves_up() -> None:
    """The 64-bit accumulator rounds once, halves up: -7.5 becomes -7."""
    assert Interpreter(tiny(np.int16).model()).run(tiny(np.int16).feeds())[0].tolist() == [[[[6, -7]]]]
    assert check(tiny(np.int16)) == 2


def test_zero_point_of_signed_weights_is_ignored() -> None:
    assert check(tiny(w_zero_point=3)) == 2
    assert check(tiny(w_zero_point=3), "optimized") == 2


@pytest.mark.parametrize("kernels", ["xnnpack", "xnnpack@litert-2.3"])
def test_xnnpack_fails_at_a_zero_point_of_signed_weights(kernels: str) -> None:
    case = tiny(w_zero_point=3)
    content = to_bytes(case.model([(1, 1, 1, 2)]))
    with pytest.raises(RuntimeError, match="failed to prepare"):
        oracle.outputs(content, case.feeds(), kernels=kernels)
    with pytest.raises(UnsupportedError, match="fails to set up signed weights"):
        Interpreter(content, kernels=kernels).allocate_tensors()


def test_depth_multiplier_comes_from_the_shapes() -> None:
    assert check(tiny(multiplier=7)) == 2
    with pytest.raises(ModelError, match="depth_multiplier 7, shapes say 2"):
        Interpreter(tiny(np.int16, multiplier=7).model()).allocate_tensors()


def test_refusals() -> None:
    x, w, bias = tiny().operands
    assert x is not None
    assert w is not None
    wide = replace(w, value=np.zeros((1, 1, 1, 3), np.int8))
    cases: list[tuple[list[Operand | None], type[Exception], str]] = [
        ([replace(x, value=np.zeros((1, 1, 1, 2), np.int8)), wide, bias], ShapeError, "do not fit 2 input channels"),
        ([x, replace(w, value=np.zeros((2, 1, 1, 2), np.int8)), bias], ShapeError, "do not fit 1 input channels"),
        ([x, replace(w, value=w.value.astype(np.uint8)), bias], UnsupportedError, "weights of type uint8"),
        ([replace(x, value=np.zeros((1, 0, 1, 1), np.int8)), w, bias], ShapeError, "an empty dimension"),
        ([x, w, Operand(np.zeros(2, np.int64), 1.0, constant=True)], ModelError, "bias has type int64, expected int32"),
    ]
    for operands, error, message in cases:
        with pytest.raises(error, match=message):
            Interpreter(replace(tiny(), operands=operands).model()).allocate_tensors()
    int4 = replace(w, type=TensorType.INT4)
    with pytest.raises(UnsupportedError, match="weights of type int4 have no kernel for int16"):
        Interpreter(replace(tiny(np.int16), operands=[tiny(np.int16).operands[0], int4]).model()).allocate_tensors()


@given(case=hybrid())
def test_hybrid_vectors_of_four_channels(case: OneOp) -> None:
    """The optimized kernel multiplies by the scales in another order where vector code leaves channels over."""
    bias = Operand(np.zeros(case.operands[1].value.shape[3], np.float32), constant=True)  # type: ignore[union-attr]
    assert check(replace(case, operands=[*case.operands[:2], bias]), "optimized") > 0


def test_hybrid_refusals_of_other_kernel_sets() -> None:
    x, w = Operand(np.ones((1, 1, 1, 1), np.float32)), Operand(np.ones((1, 1, 1, 1), np.int8), [0.5], 0, 3, True)
    chosen = DepthwiseConv2DOptions(padding=Padding.VALID, stride_h=1, stride_w=1, depth_multiplier=1)
    case = OneOp(BuiltinOperator.DEPTHWISE_CONV_2D, [x, w], [Result(np.float32)], chosen, 6)
    for kernels, match in (("optimized", "crashes without a bias"), ("optimized-arm", "ARM is not known")):
        operands = [x, w] if match.startswith("crashes") else [x, w, Operand(np.zeros(1, np.float32), constant=True)]
        with pytest.raises(UnsupportedError, match=match):
            Interpreter(replace(case, operands=operands).model(), kernels=kernels).allocate_tensors()
