"""REDUCE_PROD: the product over axes.

    float32                    y = x[0] * x[1] * ..., in the order of the elements
    integers without a scale   y = x[0] * x[1] * ..., wrapping; bool: whether all are true
    int8, int16                p = x[0] - zx
                               p = round(p * (x[i] - zx) * M)     for each further element, kept in int32
                               y = clamp(round(p * M) + zy)

M = sx / sy^(1/n) for n elements, so that n roundings bring the product to the result's scale; it has 15 bits, and
halves go up. The optimized kernel's products of one number are refused: some crash, others are not rescaled.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import multiply_by_quantized_multiplier_int64
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _reduction
from qcore.ops._scaling import Multiplier, multiplier, require_zero_point_in_type
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType

_MOST_SHIFT = 14


@dataclass(frozen=True, slots=True)
class Params:
    """`multiplier` is None for plain numbers, which are not rescaled."""

    reduction: _reduction.Params
    multiplier: Multiplier | None = None
    input_zero_point: int = 0
    output_zero_point: int = 0


def prepare(n: Node) -> Params:
    x, y = n.input(0), n.output()
    if not _reduction.is_quantized(x):
        return Params(_reduction.prepare(n))
    p = _reduction.constants(n)
    if x.type == TensorType.UINT8:
        raise n.unsupported("quantized uint8; TFLite multiplies quantized int8 and int16")
    require_zero_point_in_type(n, x, y)
    if n.kernels.name != "reference" and p.count == 1:
        raise n.unsupported("TFLite's optimized kernel crashes, or gives other numbers, where one number is multiplied")
    n.require_shapes(p.count > 0 or 0 in p.shape, "the product of no quantized elements is not defined")
    with np.errstate(all="ignore"):
        root = np.float64(y.scale) ** (1.0 / max(p.count, 1))
        scale = multiplier(n, float(np.float64(x.scale) / root))
    n.require(scale.shift <= _MOST_SHIFT, f"scales {x.scale} and {y.scale} give a multiplier above 2^{_MOST_SHIFT}")
    return Params(p, scale, x.zero_point, y.zero_point)


def eval_plain(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, r = inputs[0], p.reduction
    with np.errstate(all="ignore"):
        y = np.multiply.reduce(_reduction.rows(x, r.axes), axis=0, dtype=x.dtype)
    return [ctx.trace("product", np.asarray(y).reshape(r.shape))]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    if p.multiplier is None:
        return eval_plain(p, inputs, ctx)
    x, scale, limits = inputs[0], p.multiplier, np.iinfo(inputs[0].dtype)
    if x.size == 0:
        return [np.zeros(p.reduction.shape, x.dtype)]
    first, *others = _reduction.rows(x, p.reduction.axes).astype(np.int64) - p.input_zero_point
    acc = first
    with np.errstate(over="ignore"):
        for factor in others:  # every step is rounded: there is no way around the order
            acc = multiply_by_quantized_multiplier_int64(acc * factor, scale.multiplier, scale.shift)
    acc = ctx.trace("product", acc.reshape(p.reduction.shape))
    y = multiply_by_quantized_multiplier_int64(acc, scale.multiplier, scale.shift)
    y = ctx.trace("requantize", y) + p.output_zero_point
    return [ctx.trace("clamp", np.clip(y, limits.min, limits.max)).astype(x.dtype)]


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_plain,
        "int32": eval_plain,
        "int64": eval_plain,
        "bool": eval_plain,
        "uint8": eval_plain,
        "int8": eval_integer,
        "int16": eval_integer,
    },
    rules=Rules(inputs=(activation(), untouched())),
    steps={
        "product": "x[0] * x[1] * ..., rescaled by M after each factor",
        "requantize": "round(product * M) (quantized)",
        "clamp": "clamp(requantized + zy) (quantized)",
    },
    version=by_type(int8=2, int16=2),
)
