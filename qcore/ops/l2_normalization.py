"""L2_NORMALIZATION: each vector along the last axis, divided by its length.

    float32   y = x / max(sqrt(sum(x^2)), 1e-6), each step rounded to float32
    8-bit     acc = sum((x - zx)^2)                       int32, wrapping
              (m, s) = 1 / sqrt(acc)                      five Newton steps in Q3.28
              y = clamp(round((x - zx) * m * 2^(s + 7)) + zy)

The result's scale is 1/128; its zero point is 0 (uint8: 128). A vector of zeros has the length 1.

TFLite: kernels/l2norm.cc; internal/reference/l2normalization.h, internal/reference/integer_ops/l2normalization.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import (
    multiply_by_quantized_multiplier,
    multiply_by_quantized_multiplier_smaller_than_one_exp,
    wrap_int32,
)
from qcore.numerics.float32 import sequential_sum
from qcore.numerics.gemmlowp import inverse_sqrt_quantized_multiplier
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._scaling import require_one_type, require_zero_point_in_type
from qcore.rules import Rules, activation, fixed
from tflite_schema import ActivationFunctionType, L2NormOptions, TensorType

_EPSILON = np.float32(1e-6)
_OUTPUT_BITS, _MOST_DIMENSIONS = 7, 4
_OUTPUT_ZERO_POINT = {TensorType.INT8: 0, TensorType.UINT8: 128}


@dataclass(frozen=True, slots=True)
class Params:
    """The zero points."""

    input_zero_point: int
    output_zero_point: int


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    n.require_shapes(n.input(0).rank >= 1, "a scalar has no last axis")
    if n.input(0).rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{n.input(0).rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    return [n.input(0).shape]


def prepare(n: Node) -> Params | None:
    x, y = n.input(0), n.output()
    require_one_type(n)
    if n.options(L2NormOptions).fused_activation_function != ActivationFunctionType.NONE:
        raise n.unsupported("a fused activation; put it in an operator of its own")
    if x.type == TensorType.FLOAT32:
        return None
    require_zero_point_in_type(n, x)
    zero_point = _OUTPUT_ZERO_POINT[x.type]
    n.require(
        float(y.scale) == 1 / 128 and y.zero_point == zero_point,
        f"the result has scale {y.scale} and zero point {y.zero_point}, the kernel's are 0.0078125 and {zero_point}",
    )
    return Params(x.zero_point, zero_point)


def eval_float32(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    with np.errstate(all="ignore"):
        total = ctx.trace("accumulate", sequential_sum(x * x)[..., None])
        return [ctx.trace("output", x / np.maximum(np.sqrt(total), _EPSILON))]


def eval_8bit(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    centred = x.astype(np.int64) - p.input_zero_point
    acc = ctx.trace("accumulate", wrap_int32((centred * centred).sum(axis=-1, keepdims=True)))
    multiplier, shift = inverse_sqrt_quantized_multiplier(acc)
    ctx.trace("multiplier", multiplier)
    if x.dtype == np.int8:
        y = multiply_by_quantized_multiplier(centred, multiplier, shift + _OUTPUT_BITS)
    else:
        y = multiply_by_quantized_multiplier_smaller_than_one_exp(centred << _OUTPUT_BITS, multiplier, shift)
    limits = np.iinfo(x.dtype)
    y = np.clip(y + p.output_zero_point, limits.min, limits.max)
    return [ctx.trace("output", y).astype(x.dtype)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "uint8": eval_8bit, "int8": eval_8bit},
    rules=Rules(
        inputs=(activation(),),
        outputs=(fixed(int8=(1 / 128, 0), uint8=(1 / 128, 128)),),
        quantizable=frozenset({"int8"}),
    ),
    steps={
        "accumulate": "sum((x - zx)^2)",
        "multiplier": "1 / sqrt(acc) (8-bit)",
        "output": "(x - zx) / sqrt(acc)",
    },
    version=lambda n: 2 if n.output().type == TensorType.INT8 else 1,
)
