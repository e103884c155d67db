"""CUMSUM: running sums along an axis.

    y[i] = x[0] + ... + x[i]         exclusive: without x[i];  reverse: from the other end

Integers wrap; float32 is rounded at each step. Operand 1 is the axis.

TFLite: kernels/cumsum.cc; internal/optimized/optimized_ops.h
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import axis_in, require_counts, require_types
from qcore.rules import Rules, activation, untouched
from tflite_schema import CumsumOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The axis, and the options."""

    axis: int
    exclusive: bool
    reverse: bool


def _axis(n: Node) -> int | None:
    require_counts(n, 2)
    axis, x = require_types(n, 1, (TensorType.INT32,), "an axis"), n.input(0)
    n.require_shapes(axis.shape in ((), (1,)), f"the axis has shape {axis.shape}, expected one number")
    n.require_shapes(x.rank >= 1, "a scalar has no axis")
    value = n.integers(1)
    return None if value is None else axis_in(n, value[0], x.rank)


def infer(n: Node) -> list[Shape | None]:
    return [None if _axis(n) is None else n.input(0).shape]


def prepare(n: Node) -> Params:
    x, axis, options = n.input(0), _axis(n), n.options(CumsumOptions)
    n.require(x.type == n.output().type, f"operand and result must have one type, not {n.types}")
    assert axis is not None
    return Params(axis, options.exclusive, options.reverse)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = np.moveaxis(inputs[0], p.axis, 0)
    if p.reverse:
        x = x[::-1]
    with np.errstate(all="ignore"):
        y = np.add.accumulate(x, axis=0, dtype=x.dtype)
    if p.exclusive:
        y = np.concatenate([np.zeros_like(y[:1]), y[:-1]])
    y = np.moveaxis(y[::-1] if p.reverse else y, 0, p.axis)
    return [ctx.trace("sum", np.ascontiguousarray(y))]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "int32", "int64"), eval_any),
    rules=Rules(inputs=(activation(), untouched()), quantizable=frozenset()),
    steps={"sum": "the running sum"},
)
