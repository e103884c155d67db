"""WHILE: a graph applied to its own results as long as another graph says so.

    while condition(x...): x... = body(x...)
    y... = x...

The condition returns one bool. Shapes may change from turn to turn. Variables of both graphs last through the turns,
and start anew when the operator runs again.

TFLite: kernels/while.cc
"""

from __future__ import annotations

from dataclasses import dataclass

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import operands
from qcore.ops._subgraph import require_signature
from qcore.rules import Rules, untouched
from tflite_schema import TensorType, WhileOptions

MOST_TURNS = 1_000_000
"""A loop that turns more often is refused: a damaged condition must not hang the interpreter."""


@dataclass(frozen=True, slots=True)
class Params:
    """The two subgraphs, and the place for messages about the loop."""

    cond_subgraph: int
    body_subgraph: int
    place: str


def infer(n: Node) -> list[Shape | None]:
    options, given = n.options(WhileOptions), operands(n)
    types = [tensor.type for tensor in given]
    n.require([tensor.type for tensor in n.outputs] == types, f"operands and results differ: {n.types}")
    n.require(options.cond_subgraph_index != options.body_subgraph_index, "condition and body are one subgraph")
    require_signature(n, options.cond_subgraph_index, given, [TensorType.BOOL], "condition")
    require_signature(n, options.body_subgraph_index, given, types, "body")
    return [None] * len(n.outputs)


def prepare(n: Node) -> Params:
    options = n.options(WhileOptions)
    return Params(options.cond_subgraph_index, options.body_subgraph_index, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    state = list(inputs)
    for _ in range(MOST_TURNS):
        (condition,) = ctx.invoke(p.cond_subgraph, state)
        if condition.shape not in ((), (1,)):
            raise ModelError(f"{p.place}: the condition returned shape {condition.shape}, expected one element")
        if not condition.item():
            return state
        state = ctx.invoke(p.body_subgraph, state)
    raise ModelError(f"{p.place}: the loop has not ended after {MOST_TURNS} turns")


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
)
