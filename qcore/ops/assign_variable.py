"""ASSIGN_VARIABLE: a value kept under a handle until the next assignment, from run to run.

TFLite: kernels/assign_variable.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._resource import key, require_handle
from qcore.rules import Rules, activation, untouched


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2, 0)
    require_handle(n)
    return []


def prepare(n: Node) -> None:
    n.input(1)


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    ctx.resources[key(inputs[0])] = inputs[1].copy()
    return []


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(untouched(), activation()), quantizable=frozenset({"int16x8"})),
    typed_by=1,
)
