"""PRELU: y = x where x >= 0, alpha * x elsewhere; alpha is an operand that broadcasts to x.

    integers, x >= zx   y = clamp(round((x - zx) * M1) + zy)                    M1 = sx / sy in float32
              x < zx    y = clamp(round((x - zx) * (alpha - za) * M2) + zy)     M2 = sx * sa / sy in float32

TFLite: kernels/activations.cc (PreluPrepare); internal/reference/prelu.h
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qcore.numerics.affine import integer_range
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node, Op
from qcore.ops._broadcast import infer_broadcast
from qcore.ops._delegate import refused_floats
from qcore.ops._pairs import PairTable, pair_kernel
from qcore.ops._scaling import Multiplier, float32_ratio, multiplier
from qcore.rules import Rules, activation, weight
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of a quantized PRELU."""

    input_zero_point: int
    alpha_zero_point: int
    identity: Multiplier
    negative: Multiplier
    output_zero_point: int
    pairs: PairTable | None = field(default=None, repr=False, compare=False)


def infer(n: Node) -> list[tuple[int, ...]]:
    shapes = infer_broadcast(n)
    x, alpha = n.input(0).shape, n.input(1).shape
    n.require_shapes(shapes[0] == x, f"alpha of shape {alpha} does not broadcast to {x}")
    return shapes


def prepare(n: Node) -> Params | None:
    x, alpha, y = n.input(0), n.input(1), n.output()
    alpha_type = TensorType.INT8 if x.type == TensorType.INT16 else x.type
    n.require(y.type == x.type and alpha.type == alpha_type, f"operand types do not fit together: {n.types}")
    if x.type == TensorType.FLOAT32:
        return None
    return Params(
        x.zero_point,
        alpha.zero_point,
        multiplier(n, float32_ratio(x.scale, over=y.scale)),
        multiplier(n, float32_ratio(x.scale, alpha.scale, over=y.scale)),
        y.zero_point,
        PairTable.of(x.dtype),
    )


def eval_float32(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    x, alpha = inputs
    with np.errstate(all="ignore"):
        return [np.where(x >= 0, x, x * alpha)]


def steps(p: Params, x: Array, alpha: Array, trace: Trace) -> Array:
    value = trace("subtract_zero_point", x.astype(np.int64) - p.input_zero_point)
    product = trace("multiply", value * (alpha.astype(np.int64) - p.alpha_zero_point))
    scaled = np.where(value >= 0, p.identity.scale(value), p.negative.scale(product))
    y = trace("requantize", scaled) + p.output_zero_point
    y = trace("clamp", np.clip(y, *integer_range(x.dtype)))
    return np.asarray(y).astype(x.dtype)


eval_quantized = pair_kernel(steps)


def refused(n: Node) -> str | None:
    """XNNPACK takes float32 and a constant alpha."""
    return "its alpha is not constant" if n.input(1).value is None else refused_floats(n)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": eval_quantized, "uint8": eval_quantized, "int16": eval_quantized},
    rules=Rules(inputs=(activation(), weight(axis=None)), quantizable=frozenset({"int8"})),
    steps={
        "subtract_zero_point": "x - zx",
        "multiply": "(x - zx) * (alpha - za), used where x < zx",
        "requantize": "round((x - zx) * M1) or round(product * M2)",
        "clamp": "clamp(requantized + zy)",
    },
    refused=refused,
)
