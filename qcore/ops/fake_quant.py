"""FAKE_QUANT: float32 values rounded to the numbers a quantized tensor could hold.

    s = (max - min) / (2^bits - 1);  z = clamp(round_away(-min / s));  [lo, hi] = (0 - z) * s, (2^bits - 1 - z) * s
    y = round_away((clamp(x, lo, hi) - lo) * (1 / s)) * s + lo          all in float32

TFLite: kernels/fake_quant.cc; internal/quantization_util.cc (NudgeQuantizationRange, FakeQuantizeArray)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import round_half_away
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_same_type
from tflite_schema import FakeQuantOptions

_MOST_BITS = 16


@dataclass(frozen=True, slots=True)
class Params:
    """float32: the step and the ends of the range, moved so that 0 is one of its numbers."""

    scale: np.float32
    low: np.float32
    high: np.float32


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [n.input(0).shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    options = n.options(FakeQuantOptions)
    if options.narrow_range:
        raise n.unsupported("narrow_range has no kernel; TFLite fake-quantizes activations only")
    n.require(1 <= options.num_bits <= _MOST_BITS, f"num_bits {options.num_bits} is outside [1, {_MOST_BITS}]")
    low, high = np.float32(options.min), np.float32(options.max)
    n.require(bool(low <= 0 <= high and low < high), f"min {low} and max {high} must enclose 0")
    steps = np.float32((1 << options.num_bits) - 1)
    scale = (high - low) / steps
    n.require(bool(0 < scale < np.inf), f"min {low} and max {high} leave no step between the numbers")
    zero_point = np.clip(round_half_away(-low / scale), np.float32(0), steps)
    return Params(scale, np.float32(-zero_point * scale), np.float32((steps - zero_point) * scale))


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    shifted = np.minimum(p.high, np.maximum(p.low, inputs[0])) - p.low
    return [np.asarray(round_half_away(shifted * (np.float32(1) / p.scale)) * p.scale + p.low, np.float32)]


OP = Op(infer=infer, prepare=prepare, kernels={"float32": eval_float32})
