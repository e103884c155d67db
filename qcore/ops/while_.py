"""WHILE: a graph applied to its own results as long as another graph says so.

    while condition(x...): x... = body(x...)
    y... = x...

The condition returns one bool. Shapes may change from turn to turn. Variables of both graphs last through the turns,
and start anew when the operator runs again. A loop that does not end is TFLite's to
turn for ever; here the interpreter's `max_calls` ends it.

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


def calls(n: Node) -> tuple[int, int]:
    options = n.options(WhileOptions)
    return options.cond_subgraph_index, options.body_subgraph_index


def prepare(n: Node) -> Params:
    return Params(*calls(n), n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    state = list(inputs)
    while True:
        (condition,) = ctx.invoke(p.cond_subgraph, state)
        if condition.shape not in ((), (1,)):
            raise ModelError(f"{p.place}: the condition returned shape {condition.shape}, expected one element")
        if not condition.item():
            return state
        state = ctx.invoke(p.body_subgraph, state)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    calls=calls,
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
)
