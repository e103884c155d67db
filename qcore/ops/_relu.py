"""RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 as operators of their own: a requantization and a clamp.

    y = clamp(round((x - zx) * M) + zy, q(low), q(high))     M = sx / sy in float32;  q(f) = zy + round(f / sy)

TFLite: kernels/activations.cc (QuantizedReluX); internal/reference/reference_ops.h (ReluX)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.numerics.affine import activation_range
from qcore.numerics.trace import Trace
from qcore.op import Array, Context, Node
from qcore.ops._activation import Bounds
from qcore.ops._scaling import Multiplier, float32_ratio, multiplier, require_one_type, require_zero_point_in_type
from qcore.ops._unary import ByteTable, kernel_of, tabulate
from tflite_schema import TensorType

__all__ = ["STEPS", "Params", "eval_float32", "eval_integer", "prepare"]


@dataclass(frozen=True, slots=True)
class Params:
    """The integer constants of a quantized RELU."""

    input_zero_point: int
    multiplier: Multiplier
    output_zero_point: int
    activation_range: tuple[int, int]
    table: ByteTable | None = None


def prepare(n: Node, bounds: Bounds) -> Params | Bounds:
    """The constants of an integer RELU; its bounds alone for float32."""
    x, y = n.input(0), n.output()
    require_one_type(n)
    if x.type == TensorType.FLOAT32:
        return bounds
    if x.type == TensorType.INT16:
        require_zero_point_in_type(n, x, y)
    real = multiplier(n, float32_ratio(x.scale, over=y.scale))
    p = Params(x.zero_point, real, y.zero_point, activation_range(bounds, y.scale, y.zero_point, y.dtype))
    return p if x.type == TensorType.INT16 else replace(p, table=tabulate(steps, p, x.dtype))


def steps(p: Params, x: Array, trace: Trace) -> Array:
    y = trace("requantize", p.multiplier.scale(x.astype(np.int64) - p.input_zero_point))
    y = trace("add_zero_point", y + p.output_zero_point)
    return trace("clamp", np.clip(y, *p.activation_range)).astype(x.dtype)


def eval_float32(p: Bounds, inputs: list[Array], ctx: Context) -> list[Array]:
    """float32: the clamp alone."""
    low, high = (None if bound is None else np.float32(bound) for bound in p)
    return [np.asarray(np.clip(inputs[0], low, high))]


eval_integer = kernel_of(steps)

STEPS = {
    "requantize": "round((x - zx) * M)",
    "add_zero_point": "requantized + zy",
    "clamp": "clamp(., q(low), q(high))",
}
