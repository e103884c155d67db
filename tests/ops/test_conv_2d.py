from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from tests import strategies
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
from tflite_schema import ActivationFunctionType, BuiltinOperator, Conv2DOptions, Padding, TensorType


def options(window: Window, fused: ActivationFunctionType, bias_type: TensorType = TensorType.FLOAT32) -> Conv2DOptions:
    return Conv2DOptions(
        padding=window.padding,
        stride_h=window.strides[0],
        stride_w=window.strides[1],
        dilation_h_factor=window.dilations[0],
        dilation_w_factor=window.dilations[1],
        fused_activation_function=fused,
        quantized_bias_type=bias_type,
    )


@st.composite
def shapes(draw: st.DrawFn, window: Window) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of x and w; every third convolution or so is grouped."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    depth, outputs = draw(st.integers(1, 9)), draw(st.integers(1, 9)) * groups
    return (draw(strategies.batch()), *window.image, depth * groups), (outputs, *window.kernel, depth)


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, *, int32_bias: bool = False, type_: TensorType = TensorType.INT8) -> OneOp:
    window = draw(windows())
    x_shape, w_shape = draw(shapes(window))
    x, w = draw(activations(x_shape, dtype)), draw(weights(w_shape, dtype, 0, type_=type_))
    bias_dtype: Any = np.int32 if int32_bias else BIAS_DTYPES[dtype]
    bias = draw(biases(w_shape[0], bias_dtype, x, w))
    y = draw(results(x, w, int(np.prod(w_shape[1:])), dtype))
    bias_type = TensorType.INT32 if int32_bias else TensorType.FLOAT32
    return OneOp(BuiltinOperator.CONV_2D, [x, w, bias], [y], options(window, draw(strategies.FUSED), bias_type), 3)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    window = draw(windows())
    x_shape, w_shape = draw(shapes(window))
    tolerance, (x, w, bias) = draw(float_products(x_shape, w_shape, w_shape[:1]))
    operands = [Operand(x), Operand(w, constant=draw(st.booleans())), Operand(bias, constant=True)]
    chosen = options(window, draw(strategies.FUSED))
    return OneOp(BuiltinOperator.CONV_2D, operands, [Result(np.float32)], chosen, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn, *, type_: TensorType = TensorType.INT8) -> OneOp:
    """float32 activations and integer weights; grouped ones only with scales that differ."""
    window = draw(windows())
    x_shape, w_shape = draw(shapes(window))
    w: Operand = draw(weights(w_shape, np.int8, 0, low=-127, type_=type_))
    if x_shape[3] != w_shape[3]:
        w = replace(w, scale=np.arange(1, w_shape[0] + 1, dtype=np.float32) * np.float32(draw(strategies.scales())))
    bias = Operand(draw(strategies.floats(w_shape[:1])), constant=True)
    operands = [draw(hybrid_inputs(x_shape)), w, bias]
    return OneOp(BuiltinOperator.CONV_2D, operands, [Result(np.float32)], options(window, draw(strategies.FUSED)), 5)


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
    "int16 with int32 bias": quantized(np.int16, int32_bias=True),
    "int4 weights": quantized(np.int8, type_=TensorType.INT4),
    "int16 with int4 weights": quantized(np.int16, type_=TensorType.INT4),
    "hybrid": hybrid(),
    "hybrid with int4 weights": hybrid(type_=TensorType.INT4),
}
test_matches_reference = matches_reference(CASES)


def tiny(w_zero_point: int = 0, **kept: Any) -> OneOp:
    """2 x 2 window over a 2 x 2 image: x - zx = (1, 2, 3, 4), w = (1, 1, 1, -1): acc = 2; + bias 8 = 10; M = 1/4."""
    x = Operand(np.array([2, 3, 4, 5], np.int8).reshape(1, 2, 2, 1), 0.5, 1)
    w = Operand(np.array([1, 1, 1, -1], np.int8).reshape(1, 2, 2, 1), 0.25, w_zero_point, constant=True)
    bias = Operand(np.array([8], np.int32), 0.125, constant=True)
    window = Window((2, 2), (2, 2), kept.pop("strides", (1, 1)), kept.pop("dilations", (1, 1)), Padding.VALID)
    operands = kept.pop("operands", [x, w, bias])
    return OneOp(
        BuiltinOperator.CONV_2D, operands, [Result(np.int8, 0.5, -3)], options(window, ActivationFunctionType.NONE), 3
    )


def test_by_hand() -> None:
    """10 / 4 = 2.5 rounds to 3 (halves away from zero); 3 + zy = 0."""
    assert check(tiny()) == 1
    interpreter = Interpreter(tiny().model())
    recording = interpreter.record()
    assert interpreter.run(tiny().feeds())[0].item() == 0
    steps = {name: value.item() for name, value in recording.steps(0).items()}
    assert steps == {"accumulate": 2, "add_bias": 10, "requantize": 3, "add_zero_point": 0, "clamp": 0}


def test_run_time_weights_and_bias() -> None:
    x, w, bias = tiny().operands
    assert w is not None
    assert bias is not None
    assert check(tiny(operands=[x, Operand(w.value, w.scale), Operand(bias.value, bias.scale)])) == 1


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_long_sums(dtype: Any) -> None:
    """3 x 3 x 512 terms at the ends of their types: more than float32 holds in one sum."""
    info = np.iinfo(dtype)
    x = Operand(np.full((1, 3, 3, 512), info.max, dtype), 0.5, 0 if dtype is np.int16 else -128)
    w = Operand(np.full((4, 3, 3, 512), 127, np.int8), [0.5, 0.25, 0.125, 0.3], constant=True)
    bias = Operand(np.full(4, 1 << 30, np.int64 if dtype is np.int16 else np.int32), 1.0, constant=True)
    window = Window((3, 3), (3, 3), (1, 1), (1, 1), Padding.SAME)
    chosen = options(window, ActivationFunctionType.NONE)
    case = OneOp(BuiltinOperator.CONV_2D, [x, w, bias], [Result(dtype, float(info.max) * 20)], chosen, 3)
    assert check(case) == 36


def refuses(case: OneOp, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Interpreter(case.model()).allocate_tensors()


def test_refusals() -> None:
    x, w, bias = tiny().operands
    assert x is not None
    assert w is not None
    refuses(tiny(w_zero_point=3), ModelError, "operator 0 CONV_2D: signed weights have a zero point")
    wide = replace(w, value=w.value.astype(np.int16), type=TensorType.INT16)
    refuses(tiny(operands=[x, wide, bias]), UnsupportedError, "weights of type int16 .* takes their bytes for")
    refuses(tiny(operands=[x, w]), ModelError, "the bias is missing")
    refuses(tiny(strides=(0, 1)), ShapeError, "strides")
    refuses(tiny(dilations=(2, 1)), ShapeError, "does not fit an image")
    refuses(tiny(operands=[Operand(x.value[0], 1.0), w, bias]), ShapeError, "must have 4 dimensions")
    floats = Operand(w.value.astype(np.float32), constant=True)
    refuses(tiny(operands=[x, floats, bias]), UnsupportedError, "weights of type float32 have no kernel")
    short = Operand(np.zeros(2, np.int32), 1.0, constant=True)
    refuses(tiny(operands=[x, w, short]), ShapeError, r"bias of shape \(2,\) for 1 output channels")
    scales = Operand(w.value, [1.0, 2.0], 0, 1, constant=True)
    refuses(tiny(operands=[x, scales, bias]), ModelError, "weights have 2 scales for 1 channels")
    refuses(tiny(operands=[Operand(x.value), w, bias]), ModelError, "no quantization scale")
    refuses(tiny(operands=[Operand(x.value, np.nan), w, bias]), ModelError, "has scale .nan.")


def test_hybrid_groups_need_scales_of_their_own() -> None:
    """TFLite would read scales beyond the one there is."""
    x = Operand(np.zeros((1, 2, 2, 2), np.float32))
    w = Operand(np.ones((2, 1, 1, 1), np.int8), 0.5, constant=True)
    bias = Operand(np.zeros(2, np.float32), constant=True)
    case = OneOp(BuiltinOperator.CONV_2D, [x, w, bias], [Result(np.float32)], tiny().options, 5)
    refuses(case, UnsupportedError, "needs a scale for each channel")


def test_int16_needs_the_bias_type_it_has() -> None:
    """TFLite would read an int32 bias as int64."""
    x = Operand(np.zeros((1, 2, 2, 1), np.int16), 0.5)
    w, bias = tiny().operands[1:]
    case = OneOp(BuiltinOperator.CONV_2D, [x, w, bias], [Result(np.int16, 0.5)], tiny().options, 3)
    refuses(case, ModelError, "bias has type int32, expected int64")


def test_uint8_bias_scale() -> None:
    x = Operand(np.zeros((1, 2, 2, 1), np.uint8), 0.5)
    w = Operand(np.ones((1, 2, 2, 1), np.uint8), 0.25, constant=True)
    bias = Operand(np.zeros(1, np.int32), 0.5, constant=True)
    case = OneOp(BuiltinOperator.CONV_2D, [x, w, bias], [Result(np.uint8, 0.5)], tiny().options)
    refuses(case, ModelError, "bias scale 0.5, expected 0.125 = input 0.5 [*] weight 0.25")


def test_padding_that_would_exhaust_memory() -> None:
    case = tiny(dilations=(1 << 30, 1 << 30))
    assert isinstance(case.options, Conv2DOptions)
    case.options.padding = Padding.SAME
    refuses(case, ShapeError, "does not fit memory")
