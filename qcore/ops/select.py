"""SELECT: y = x where the condition holds, else operand 2; x and operand 2 have one shape.

The condition has that shape too, or is a scalar, or chooses whole rows: one bool for each index of dimension 0.
TFLite: kernels/select.cc; internal/reference/select.h (Select, RankOneSelect)
"""

from __future__ import annotations

from qcore.op import Node, Op, Shape
from qcore.ops import _select


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


OP = Op(infer=infer, prepare=prepare, kernels=_select.KERNELS, rules=_select.RULES, version=version, typed_by=1)
