"""SQUARED_DIFFERENCE: y = (a - b)^2 with broadcasting; int32 wraps.

    int8   t = 2 * max(sa, sb);  a' = round((a - za) << 7, sa / t);  b' = round((b - zb) << 7, sb / t)
           y = clamp(round((a' - b')^2, t^2 / (2^14 * sy)) + zy)

TFLite: kernels/squared_difference.cc
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qcore.numerics.trace import Trace
from qcore.op import Array, Node, Op, by_type
from qcore.ops._addition import Operand, common_scale
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._delegate import refused_floats
from qcore.ops._numbers import eval_binary, prepare_pair
from qcore.ops._pairs import PairTable, pair_kernel
from qcore.ops._scaling import Multiplier, multiplier, require_zero_point_in_type
from qcore.rules import Rules, activation
from tflite_schema import TensorType

_LEFT_SHIFT = 7


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of an int8 SQUARED_DIFFERENCE."""

    a: Operand
    b: Operand
    multiplier: Multiplier
    zero_point: int
    pairs: PairTable | None = field(default=None, repr=False, compare=False)


def prepare(n: Node) -> Params | None:
    a, b, y = n.input(0), n.input(1), n.output()
    prepare_pair(n)
    if a.type != TensorType.INT8:
        return None
    require_zero_point_in_type(n, a, b, y)
    scaled_a, scaled_b, twice = common_scale(n, a, b)
    with np.errstate(over="ignore"):
        unit = float(np.float32(1 << 2 * _LEFT_SHIFT) * y.scale)
    n.require(unit > 0, f"the result's scale {y.scale} must be above 0")
    real = multiplier(n, twice * twice / unit, below_one=True)
    return Params(scaled_a, scaled_b, real, y.zero_point, PairTable.of(a.dtype))


def squared_difference(a: Array, b: Array) -> Array:
    return np.square(a - b)


def steps(p: Params, a: Array, b: Array, trace: Trace) -> Array:
    left = trace("scale_a", p.a.scaled(a, _LEFT_SHIFT))
    right = trace("scale_b", p.b.scaled(b, _LEFT_SHIFT))
    square = trace("square", np.square(left - right))
    y = trace("requantize", p.multiplier.scale_down(square)) + p.zero_point
    return np.asarray(trace("clamp", np.clip(y, -128, 127))).astype(np.int8)


OP = Op(
    infer=infer_broadcast,
    prepare=prepare,
    kernels={
        "float32": eval_binary(squared_difference),
        "int32": eval_binary(squared_difference),
        "int8": pair_kernel(steps),
    },
    rules=Rules(inputs=(activation(),)),
    steps={
        "scale_a": "a' = round((a - za) << 7, Ma)",
        "scale_b": "b' = round((b - zb) << 7, Mb)",
        "square": "(a' - b')^2",
        "requantize": "round(square, M)",
        "clamp": "clamp(requantized + zy)",
    },
    version=by_type(int8=2),
    refused=refused_floats,
)
