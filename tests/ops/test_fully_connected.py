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
from tests.ops.convolutions import activations, biases, float_products, hybrid_inputs, results, weights
from tflite_schema import BuiltinOperator, FullyConnectedOptions, FullyConnectedOptionsWeightsFormat, TensorType


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, int], bool]:
    """The shapes of x and w, and keep_num_dims; rows may be spread over several dimensions of x."""
    outputs, depth = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    keep = draw(st.booleans())
    rows = draw(st.sampled_from([(), (1,), (2, 3), (1, 2, 2)]))
    x = (draw(strategies.batch()), *rows, depth)
    if not keep and len(x) > 2 and depth % 2 == 0:
        x = (*x[:-2], 2 * x[-2], depth // 2)
    return x, (outputs, depth), keep


@st.composite
def int8_weights(draw: st.DrawFn, shape: tuple[int, int]) -> Operand:
    """Per tensor with any zero point, or per channel."""
    w: Operand = draw(weights(shape, np.int8, 0))
    return replace(w, zero_point=draw(strategies.zero_points(np.int8))) if np.ndim(w.scale) == 0 else w


@st.composite
def quantized(
    draw: st.DrawFn, dtype: Any, *, w_type: TensorType = TensorType.INT8, bias_type: TensorType = TensorType.FLOAT32
) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    x = draw(activations(x_shape, dtype))
    if dtype is np.uint8 or w_type == TensorType.INT4:
        w = draw(weights(w_shape, dtype, 0, int4=w_type == TensorType.INT4))
    else:
        w = replace(draw(int8_weights(w_shape)), constant=draw(st.booleans()))
    operands: list[Operand | None] = [x, w]
    if draw(st.booleans()):
        wide = dtype is np.int16 and bias_type != TensorType.INT32
        operands.append(draw(biases(w_shape[0], np.int64 if wide else np.int32, x, w)))
    elif draw(st.booleans()):
        operands.append(None)
    fused = draw(strategies.FUSED)
    chosen = FullyConnectedOptions(fused_activation_function=fused, keep_num_dims=keep, quantized_bias_type=bias_type)
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [draw(results(x, w, w_shape[1], dtype))], chosen, 4)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    tolerance, (x, w, bias) = draw(float_products(x_shape, w_shape, w_shape[:1]))
    operands = [
        Operand(x),
        Operand(w, constant=draw(st.booleans())),
        Operand(bias, constant=True) if draw(st.booleans()) else None,
    ]
    chosen = FullyConnectedOptions(fused_activation_function=draw(strategies.FUSED), keep_num_dims=keep)
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [Result(np.float32)], chosen, 5, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn, *, int4: bool = False) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    operands: list[Operand | None] = [
        draw(hybrid_inputs(x_shape)),
        draw(weights(w_shape, np.int8, 0, low=-127, int4=int4)),
        draw(st.one_of(st.none(), strategies.floats(w_shape[:1]).map(lambda b: Operand(b, constant=True)))),
    ]
    chosen = FullyConnectedOptions(fused_activation_function=draw(strategies.FUSED), keep_num_dims=keep)
    chosen.asymmetric_quantize_inputs = draw(st.booleans())
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [Result(np.float32)], chosen, 12)


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
    "int16 with int32 bias": quantized(np.int16, bias_type=TensorType.INT32),
    "int4 weights": quantized(np.int8, w_type=TensorType.INT4),
    "int16 with int4 weights": quantized(np.int16, w_type=TensorType.INT4),
    "hybrid": hybrid(),
    "hybrid with int4 weights": hybrid(int4=True),
}
test_matches_reference = matches_reference(CASES)


def tiny(**changes: Any) -> OneOp:
    """x - zx = (1, 2), w - zw = (3, -4) and (1, 1): acc = (-5, 3); M = 1/2, so -2.5 and 1.5."""
    x = Operand(np.array([[3, 4]], np.int8), 1.0, 2)
    w = Operand(np.array([[4, -3], [2, 2]], np.int8), 0.5, 1, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.int8, 1.0)], FullyConnectedOptions(), 6)
    return replace(case, **changes)


def test_by_hand() -> None:
    """Halves go away from zero, where the fixed-point kernels of other operators would round -2.5 to -2."""
    interpreter = Interpreter(tiny().model())
    recording = interpreter.record()
    assert interpreter.run(tiny().feeds())[0].tolist() == [[-3, 2]]
    assert recording.steps(0)["accumulate"].tolist() == [[-5, 3]]
    assert check(tiny()) == 2


@pytest.mark.parametrize("depth", [300, 1200, 5000, 40000])
@pytest.mark.parametrize("ends", [False, True])
def test_long_sums(depth: int, ends: bool) -> None:
    """Sums beyond what float32 holds, and beyond int32, where TFLite's accumulator wraps around."""
    rng = np.random.default_rng(depth)
    x = np.full((3, depth), 127, np.int8) if ends else rng.integers(-128, 128, (3, depth)).astype(np.int8)
    w = np.full((5, depth), 127, np.int8) if ends else rng.integers(-128, 128, (5, depth)).astype(np.int8)
    operands = [Operand(x, 0.5, -128), Operand(w, 0.25, -128, constant=True)]
    assert check(tiny(operands=operands, results=[Result(np.int8, depth**0.5 if not ends else depth * 50.0)])) == 15


@pytest.mark.parametrize("depth", [300, 5000])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_long_hybrid_sums(depth: int, asymmetric: bool) -> None:
    """Sums that float32 rounds on the way to the result."""
    rng = np.random.default_rng(depth)
    x = Operand((rng.normal(0, 1, (3, depth)) + 40).astype(np.float32))
    w = Operand(rng.integers(90, 128, (5, depth)).astype(np.int8), rng.random(5), constant=True)
    chosen = FullyConnectedOptions(asymmetric_quantize_inputs=asymmetric)
    assert check(tiny(operands=[x, w], results=[Result(np.float32)], options=chosen, version=12)) == 15


def refuses(case: OneOp, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Interpreter(case.model()).allocate_tensors()


def test_refusals() -> None:
    x, w = tiny().operands
    assert x is not None
    assert w is not None
    shuffled = FullyConnectedOptions(weights_format=FullyConnectedOptionsWeightsFormat.SHUFFLED4x16INT8)
    refuses(tiny(options=shuffled), UnsupportedError, "weights_format")
    refuses(tiny(operands=[replace(x, value=np.zeros((1, 3), np.int8)), w]), ShapeError, "into rows of 2")
    keep = FullyConnectedOptions(keep_num_dims=True)
    refuses(
        tiny(operands=[replace(x, value=np.zeros((2, 1), np.int8)), w], options=keep), ShapeError, "does not end in"
    )
    refuses(tiny(operands=[x, replace(w, value=w.value[0])]), ShapeError, "must have 2 dimensions")
    refuses(tiny(operands=[x, replace(w, value=w.value[:, :0])]), ShapeError, "no columns")
    refuses(tiny(operands=[x, replace(w, value=w.value.astype(np.uint8))]), UnsupportedError, "weights of type uint8")
    refuses(tiny(operands=[x, replace(w, scale=[1.0, 2.0], quantized_dimension=1)]), ModelError, "along axis 0")
    refuses(tiny(operands=[x, replace(w, type=TensorType.INT4)]), ModelError, "int4 weights have a zero point")
    far = Operand(np.zeros(2, np.int32), 3.0, constant=True)
    refuses(tiny(operands=[x, w, far]), ModelError, "bias scale 3, expected 0.5 = input 1 [*] weight 0.5")
    refuses(tiny(operands=[x]), ModelError, "operand 1 is missing")
