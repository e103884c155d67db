"""The basic LSTM kernel: one matrix for all gates, the states among the results. float32, and uint8 with fixed scales.

    [i g f o] = W [x, h] + b         x and the previous h side by side; W [4 * units, inputs + units]
    c = sigmoid(i) * tanh(g) + sigmoid(f) * c
    h = sigmoid(o) * tanh(c)

    uint8   x and h have scale 1/128 and zero point 128, c int16 has scale 2^-11; gates Q3.12, rounded halves up (ruy):
            gates = clip16(round(sum(([x, h] - 128) * (W - zw)) + b, 4096 * sb))
            c = clip16(round(i * g / 2^4) + f * c);  h = 128 + clip8(round(o * tanh(clip16(2 * c)) / 2^8))

Results: h, c, [x, h] and the gates' sums. Operands 1 and 4, the previous h and c, are updated where they are variables.

TFLite: kernels/lstm.cc; internal/optimized/optimized_ops.h (LstmCell)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.numerics.fixedpoint import rounding_divide_by_pot, wrap_int32
from qcore.numerics.float32 import checked_log2
from qcore.numerics.gemm import Weights, matmul, prepare_weights
from qcore.numerics.gemmlowp import saturating_rounding_multiply_int16
from qcore.numerics.requantize import Requantization, requantize
from qcore.op import Array, Context, Node, Shape
from qcore.ops import _eigen
from qcore.ops._lstm_arithmetic import scaling, sigmoid, tanh
from tflite_schema import TensorType

__all__ = ["STEPS", "BasicParams", "eval_basic_float", "eval_basic_uint8", "infer_basic", "prepare_basic"]

_INT16_RANGE = (-32768, 32767)
STEPS = {
    "gates": "basic kernel: W [x, h] + b, [batch, 4 * units]; uint8: clip16(round(sums, M)), Q3.12",
    "state": "basic kernel: sigmoid(i) * tanh(g) + sigmoid(f) * c",
    "activation": "basic kernel: sigmoid(o) * tanh(state)",
}


@dataclass(frozen=True, eq=False)
class BasicParams:
    """Which operands are variables; for uint8 the weights, None where they come from the run, and the multiplier."""

    h_is_variable: bool
    c_is_variable: bool
    weight_zero_point: int = 0
    weights: Weights | None = None
    scaling: Requantization | None = None


def infer_basic(n: Node) -> list[Shape]:
    """The shapes of h, c, [x, h] and the gates."""
    n.require(len(n.inputs) == 5, f"a basic LSTM has 5 operands, not {len(n.inputs)}")
    n.require(len(n.outputs) == 4, f"a basic LSTM has 4 results, not {len(n.outputs)}")
    x, h, w, b, c = (n.input(position) for position in range(5))
    n.require_shapes(x.rank == h.rank == 2, f"operands 0 and 1 must have 2 dimensions, not {x.shape} and {h.shape}")
    batch, size = x.shape
    units = h.shape[1]
    n.require_shapes(units > 0 and h.shape[0] == batch, f"operand 1 has shape {h.shape}, expected ({batch}, units)")
    expected = ((2, w, (4 * units, size + units)), (3, b, (4 * units,)), (4, c, (batch, units)))
    for position, tensor, shape in expected:
        n.require_shapes(tensor.shape == shape, f"operand {position} has shape {tensor.shape}, expected {shape}")
    return [h.shape, c.shape, (batch, size + units), (batch, 4 * units)]


def prepare_basic(n: Node) -> BasicParams:
    """The constants; UnsupportedError for types other than all float32 or uint8 with int32 bias and int16 state."""
    x, h, w, b, c = (n.input(position) for position in range(5))
    types = [t.type for t in (x, h, w, b, c, *n.outputs)]
    if all(type_ == TensorType.FLOAT32 for type_ in types):
        return BasicParams(h.is_variable, c.is_variable)
    u8, i16, i32 = TensorType.UINT8, TensorType.INT16, TensorType.INT32
    if types != [u8, u8, u8, i32, i16, u8, i16, u8, i16]:
        raise n.unsupported("a basic LSTM is float32, or uint8 with int32 bias and int16 state")
    state = n.output(1)
    exponent, exact = checked_log2(state.scale) if state.scale > 0 else (0, False)
    n.require(exact and exponent == -11, f"the state's scale must be 2^-11, not {state.scale}")
    weights = None if w.value is None else prepare_weights(w.value, -w.zero_point, (-128, 127))
    multiplier = scaling(n, np.float32(4096) * b.scale, "ruy_x86")
    return BasicParams(h.is_variable, c.is_variable, w.zero_point, weights, multiplier)


def _remember(p: BasicParams, inputs: list[Any], h: Array, c: Array) -> None:
    if p.h_is_variable:
        inputs[1][...] = h
    if p.c_is_variable:
        inputs[4][...] = c


def eval_basic_float(p: BasicParams, inputs: list[Any], ctx: Context) -> list[Array]:
    """float32."""
    x, h, w, b, c = inputs
    joined = np.concatenate([x, h], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        gates = ctx.trace("gates", np.matmul(joined, w.T) + b)
        i, g, f, o = np.split(gates, 4, axis=1)
        state = ctx.trace("state", _eigen.logistic(i) * _eigen.tanh(g) + _eigen.logistic(f) * c)
        y = ctx.trace("activation", _eigen.logistic(o) * _eigen.tanh(state))
    _remember(p, inputs, y, state)
    return [y, state, joined, gates]


def eval_basic_uint8(p: BasicParams, inputs: list[Any], ctx: Context) -> list[Array]:
    """uint8, state int16."""
    x, h, w, b, c = inputs
    joined = np.concatenate([x, h], axis=1)
    weights = prepare_weights(w, -p.weight_zero_point, (-128, 127)) if p.weights is None else p.weights
    assert p.scaling is not None
    sums = wrap_int32(matmul(joined.astype(np.float32) - np.float32(128), weights) + b)
    gates = ctx.trace("gates", np.clip(requantize(sums, p.scaling), *_INT16_RANGE))
    i, g, f, o = np.split(gates, 4, axis=1)
    added = rounding_divide_by_pot(saturating_rounding_multiply_int16(sigmoid(i), tanh(g, 3)), 4)
    kept = saturating_rounding_multiply_int16(sigmoid(f), c)
    state = ctx.trace("state", np.clip(added + kept, *_INT16_RANGE))
    opened = saturating_rounding_multiply_int16(sigmoid(o), tanh(np.clip(2 * state, *_INT16_RANGE), 3))
    y = np.clip(rounding_divide_by_pot(opened, 8), -128, 127) + 128
    y = np.asarray(ctx.trace("activation", y).astype(np.uint8))
    state = np.asarray(state.astype(np.int16))
    _remember(p, inputs, y, state)
    return [y, state, joined, gates.astype(np.int16)]
