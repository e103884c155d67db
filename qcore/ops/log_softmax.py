"""LOG_SOFTMAX along the last axis.

    float32   y = x - max - log(sum(exp(x - max))), each step rounded to float32
    8-bit     d = rescaled x - max in Q5.26;  L = log(S) in Q5.26: see _exponential.py
              y = clamp(round((d - L) / 2^22) + highest)     where x - max > bound, else the lowest number
              bound = max(-radius - 1, round((L - 2^31) * D)),  D = 2^(31 - s) / q, the inverse of d's multiplier

The optimized kernels compute in float32, every step rounded, sums in the order of the elements, halves to even:

    L = log(sum(exp(-sx * (max - x))));  y = clamp(round(x * (sx / sy) - (sx * max + L) / sy) + zy)

The result's scale is 1/16 and its zero point the highest number of its type.

TFLite: kernels/activations.cc; internal/reference/log_softmax.h, internal/reference/integer_ops/log_softmax.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics import float32
from qcore.numerics.fixedpoint import INT32_MIN, rounding_divide_by_pot, wrap_int32
from qcore.op import Array, Context, Node, Op, Shape, by_type
from qcore.ops._exponential import (
    Scaling,
    distance_to_maximum,
    float_exponentials,
    log_of_sum,
    scaling,
    sum_of_exponentials,
)
from qcore.ops._movement import require_counts
from qcore.ops._scaling import Multiplier, multiplier, require_one_type
from qcore.rules import Rules, activation, fixed
from tflite_schema import TensorType

_SHIFT = 22  # from Q5.26 to a scale of 1/16


@dataclass(frozen=True, slots=True)
class Params:
    """`scaling` of the differences, its inverse, and its tables: the rescaled differences and what S adds up."""

    scaling: Scaling
    inverse: Multiplier
    differences: Array
    addends: Array


@dataclass(frozen=True, slots=True)
class FloatTable:
    """The optimized kernel: exp(0 ... -255 steps of the operand's scale), and both quantizations."""

    exponentials: Array
    input_scale: np.float32
    scale: np.float32
    zero_point: int


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    n.require_shapes(n.input(0).rank >= 1, "a scalar has no last axis")
    return [n.input(0).shape]


def prepare(n: Node) -> Params | FloatTable | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type == TensorType.FLOAT32:
        return None
    highest = int(np.iinfo(y.dtype).max)
    n.require(
        float(y.scale) == 16 / 256 and y.zero_point == highest,
        f"the result has scale {y.scale} and zero point {y.zero_point}, the kernel's are 0.0625 and {highest}",
    )
    if n.kernels.name != "reference":
        return FloatTable(float_exponentials(x.scale, 1.0), x.scale, y.scale, y.zero_point)
    exponent = scaling(n, 1.0)
    inverse = 2.0 ** (31 - exponent.shift) / exponent.multiplier
    return Params(exponent, multiplier(n, inverse, below_one=True), exponent.rescaled(), exponent.addends())


def eval_float32(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if x.size == 0:
        return [x]
    with np.errstate(all="ignore"):
        differences = ctx.trace("difference", x - x.max(axis=-1, keepdims=True))
        total = ctx.trace("sum", float32.sequential_sum(float32.exp(differences))[..., None])
        return [ctx.trace("output", differences - ctx.trace("log", float32.log(total)))]


def eval_8bit(p: Params | FloatTable, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    if x.size == 0:
        return [x]
    if isinstance(p, FloatTable):
        return [_in_float32(p, x, ctx)]
    limits = np.iinfo(x.dtype)
    below = distance_to_maximum(x)
    difference = ctx.trace("difference", np.take(p.differences, below))
    total = ctx.trace("sum", sum_of_exponentials(p.addends, below))
    log = ctx.trace("log", log_of_sum(total))
    bound = np.maximum(-p.scaling.radius - 1, p.inverse.scale(wrap_int32(log + INT32_MIN)))
    y = rounding_divide_by_pot(wrap_int32(difference - log), _SHIFT) + limits.max
    y = np.where(-below > bound, np.clip(y, limits.min, limits.max), limits.min)
    return [ctx.trace("output", y).astype(x.dtype)]


def _in_float32(p: FloatTable, x: Array, ctx: Context) -> Array:
    e = np.take(p.exponentials, distance_to_maximum(x))
    total = ctx.trace("sum", float32.sequential_sum(e)[..., None])
    highest = x.max(axis=-1, keepdims=True).astype(np.float32)
    with np.errstate(all="ignore"):
        log = ctx.trace("log", float32.log(total))
        shift = (p.input_scale * highest + log) / p.scale
        y = np.rint(np.float32(p.input_scale / p.scale) * x.astype(np.float32) - shift) + np.float32(p.zero_point)
    limits = np.iinfo(x.dtype)
    return ctx.trace("output", np.clip(float32.to_int32(y), limits.min, limits.max)).astype(x.dtype)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "uint8": eval_8bit, "int8": eval_8bit},
    rules=Rules(
        inputs=(activation(),),
        outputs=(fixed(int8=(16 / 256, 127), uint8=(16 / 256, 255)),),
        quantizable=frozenset({"int8"}),
    ),
    steps={
        "difference": "x - max, rescaled to Q5.26",
        "sum": "sum(exp(difference))",
        "log": "log(sum)",
        "output": "difference - log",
    },
    version=by_type(int8=2),
)
