"""SELECT: y = x where the condition holds, else operand 2; x and operand 2 have one shape.

The condition has that shape too, or is a scalar, or chooses whole rows: one bool for each index of dimension 0.
TFLite: kernels/select.cc; internal/reference/select.h (Select, RankOneSelect)
"""

from __future__ import annotations

from dataclasses import replace

from qcore.op import Node, Op, Shape
from qcore.ops import _select
from qcore.rules import Rules, activation, same_as, untouched


def infer(n: Node) -> list[Shape]:
    single = _select.all_single(n)
    if single is not None:
        return [single]
    condition, x, other = (n.input(position).shape for position in range(3))
    n.require_shapes(x == other, f"operands 1 and 2 must have one shape, not {x} and {other}")
    rows = len(condition) == 1 and len(x) > 0 and condition[0] == x[0]
    n.require_shapes(
        condition in (x, ()) or rows, f"a condition of shape {condition} chooses neither numbers nor rows of shape {x}"
    )
    return [x]


def prepare(n: Node) -> _select.Params:
    condition, x = n.input(0).shape, n.input(1).shape
    rows = len(condition) == 1 < len(x) and condition[0] == x[0] and condition != x
    return _select.prepare(n, (*condition, *[1] * (len(x) - 1)) if rows else condition)


def version(n: Node) -> int:
    return 3 if any(n.input(position).rank == 5 for position in range(3)) else 1


# The 16x8 quantizer gives operand 2 a scale of its own.
INT16X8 = Rules(inputs=(untouched(), activation(), activation()), outputs=(same_as(1),))
OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=_select.KERNELS,
    rules=replace(_select.RULES, by_scheme={"int16x8": INT16X8}),
    version=version,
    typed_by=1,
)
