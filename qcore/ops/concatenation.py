"""CONCATENATION: operands one after the other along an axis.

    float, int8, int16, others   y = x_0 x_1 ... copied; int8 and int16 operands share the result's parameters
    uint8                        an operand with other parameters is rescaled, in float32:
                                 y = clamp(round_away(x * f + (-zx * f)) + zy),  f = sx * (1 / sy)

TFLite: kernels/concatenation.cc; internal/reference/concatenation.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import round_half_away
from qcore.numerics.float32 import to_int32
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._delegate import MOST_DIMENSIONS, refused_tensors, unknown
from qcore.ops._movement import (
    COMMON,
    axis_in,
    kernels,
    operands,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    version,
)
from qcore.rules import Rules, activation, same_as
from tflite_schema import ActivationFunctionType, ConcatenationOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The axis; for each operand (factor, bias) in float32 where it must be rescaled (uint8), else None."""

    axis: int
    rescale: tuple[tuple[np.float32, np.float32] | None, ...]
    zero_point: int


def infer(n: Node) -> list[Shape]:
    require_counts(n, (1, len(n.inputs)))
    shapes = [tensor.shape for tensor in operands(n)]
    axis = n.options(ConcatenationOptions).axis
    first = shapes[0]
    if first == () and axis in (0, -1) and all(shape == () for shape in shapes):
        n.require(all(n.input(i).value is not None for i in range(len(shapes))), "scalars must be constants")
        return [(len(shapes),)]
    axis = axis_in(n, axis, len(first))
    rest = first[:axis], first[axis + 1 :]
    same = all(len(s) == len(first) and (s[:axis], s[axis + 1 :]) == rest for s in shapes)
    n.require_shapes(same, f"shapes {', '.join(map(str, shapes))} differ in other dimensions than axis {axis}")
    return [(*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])]


def prepare(n: Node) -> Params:
    options, y = n.options(ConcatenationOptions), n.output()
    tensors = operands(n)
    require_same_type(n, y, *tensors)
    if options.fused_activation_function != ActivationFunctionType.NONE:
        raise n.unsupported("no kernel fuses an activation; put the activation in an operator of its own")
    if y.type == TensorType.INT8:
        require_same_quantization(n, y, *tensors)
    if y.type == TensorType.INT16:
        n.require(all(per_tensor(t)[1] == 0 for t in (y, *tensors)), "int16 zero points must be 0")
    rescale: list[tuple[np.float32, np.float32] | None] = [None] * len(tensors)
    if y.type == TensorType.UINT8:
        scale = np.float32(per_tensor(y)[0])
        for position, x in enumerate(tensors):
            if per_tensor(x) != per_tensor(y):
                n.require(bool(scale > 0), "the result has no scale, but an operand has")
                factor = np.float32(per_tensor(x)[0]) * (np.float32(1) / scale)
                rescale[position] = factor, np.float32(-per_tensor(x)[1]) * factor
    return Params(axis_in(n, options.axis, max(tensors[0].rank, 1)), tuple(rescale), per_tensor(y)[1])


def eval_copy(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.concatenate([np.atleast_1d(x) for x in inputs], p.axis)]


def eval_uint8(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    moved = []
    for x, rescale in zip(inputs, p.rescale, strict=True):
        if rescale is None:
            moved.append(np.atleast_1d(x))
        else:
            real = np.arange(256, dtype=np.float32) * rescale[0] + rescale[1]
            table = to_int32(round_half_away(real)) + p.zero_point
            moved.append(np.clip(table, 0, 255).astype(np.uint8)[np.atleast_1d(x)])
    return [np.concatenate(moved, p.axis)]


def refused(n: Node) -> str | None:
    """XNNPACK takes two to five operands of 8 bits, of uint8 with the result's scale and zero point."""
    y = n.output()
    if not 2 <= len(n.inputs) <= 5:
        return f"it has {len(n.inputs)} operands"
    tensors = operands(n)
    if any(0 in t.shape or t.rank > MOST_DIMENSIONS for t in tensors):
        raise unknown(n, "empty operands, or more than six dimensions,")
    others = y.type == TensorType.UINT8 and any((t.zero_point, t.scale) != (y.zero_point, y.scale) for t in tensors)
    return "its operands have other parameters than its result" if others else refused_tensors(n, *tensors, y)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={**kernels(eval_copy, *COMMON, "bool", "uint32", "float16", "bfloat16", "int4"), "uint8": eval_uint8},
    rules=Rules(inputs=(activation(), same_as(0)), outputs=(same_as(0),)),
    refused=refused,
    version=version(int8=2, int16=3, uint32=4, int4=5, float16=6),
)
