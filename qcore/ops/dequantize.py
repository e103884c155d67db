"""DEQUANTIZE: y = s * (x - z) in float32, per tensor or per channel; float16 is widened.

The optimized kernels of int8, uint8, int4 and int2, per tensor, have vector code, see _lanes.py: s * x - s * z, every
step rounded to float32.

TFLite: kernels/dequantize.h; internal/reference/dequantize.h, integer_ops/dequantize.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.numerics.affine import dequantize
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._delegate import refused_tensors, unknown
from qcore.ops._lanes import NOWHERE, Lanes
from qcore.ops._scaling import channel_parameters, require_zero_point_in_type
from qcore.ops._unary import infer_same_shape
from qcore.rules import FLOAT_ONLY
from tflite_schema import TensorType

_EXACT = 2**23  # below it, x - z is exact in float32, and so is the single rounding of the product


@dataclass(frozen=True, slots=True, eq=False)
class Params:
    """Scales and zero points shaped to broadcast against x. `lanes`: where the optimized kernel has vector code."""

    scale: Array
    zero_point: Array
    lanes: Lanes = NOWHERE


def prepare(n: Node) -> Params | None:
    x, y = n.input(0), n.output()
    if y.type != TensorType.FLOAT32:
        raise n.unsupported("dequantizes to float32 only")
    if x.type == TensorType.FLOAT16:
        return None
    scale, zero_point = channel_parameters(n, x, x.shape)
    if x.type == TensorType.INT16:
        require_zero_point_in_type(n, x)
        if scale.size > 1:
            raise n.unsupported("dequantizes int16 per tensor only")
    vector = n.kernels.name == "optimized" and x.type != TensorType.INT16 and scale.size == 1
    return Params(scale, zero_point, Lanes.of(math.prod(x.shape), 8) if vector else NOWHERE)


def eval_float16(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [inputs[0].astype(np.float32)]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    (x,) = inputs
    return [p.lanes.join(lambda trace: _vector(p, x, trace), lambda trace: _scalar(p, x, trace), x.shape, ctx.trace)]


def _scalar(p: Params, x: Array, trace: Trace) -> Array:
    if np.abs(p.zero_point).max() > _EXACT:
        return dequantize(x, p.scale, p.zero_point)
    steps = trace("subtract_zero_point", x.astype(np.float32) - p.zero_point.astype(np.float32))
    with np.errstate(over="ignore"):
        return trace("scale", np.asarray(steps * p.scale))


def _vector(p: Params, x: Array, trace: Trace) -> Array:
    with np.errstate(all="ignore"):
        offset = (-p.zero_point * p.scale.astype(np.float64)).astype(np.float32)
        return trace("scale", x.astype(np.float32) * p.scale + offset)


def version(n: Node) -> int:
    x = n.input(0)
    if x.type == TensorType.INT8:
        return 5 if x.quant is not None and x.quant.is_per_channel else 2
    return {TensorType.INT4: 6, TensorType.INT16: 3, TensorType.FLOAT16: 3}.get(x.type, 1)


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits."""
    x = n.input(0)
    if x.type == TensorType.FLOAT16 or x.value is not None:
        raise unknown(n, "a constant, or of a float16 operand,")
    return refused_tensors(n, x)


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={
        "float16": eval_float16,
        "int8": eval_integer,
        "uint8": eval_integer,
        "int16": eval_integer,
        "int4": eval_integer,
        "int2": eval_integer,
    },
    rules=FLOAT_ONLY,
    steps={"subtract_zero_point": "x - z", "scale": "s * (x - z)"},
    version=version,
    refused=refused,
)
