"""SELECT_V2: y = x where the condition holds, else operand 2; all three operands broadcast.

TFLite: kernels/select.cc; internal/reference/select.h (BroadcastSelect5DSlow)
"""

from __future__ import annotations

from qcore.op import Node, Op, Shape
from qcore.ops import _select
from qcore.ops._broadcast import broadcast_shape


def infer(n: Node) -> list[Shape]:
    single = _select.all_single(n)
    return [single if single is not None else broadcast_shape(n, *(n.input(position).shape for position in range(3)))]


def prepare(n: Node) -> _select.Params:
    return _select.prepare(n, n.input(0).shape)


OP = Op(infer=infer, prepare=prepare, kernels=_select.KERNELS, rules=_select.RULES, typed_by=1)
