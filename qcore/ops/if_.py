"""IF: one of two graphs, chosen by a boolean.

    y = then(x...) if condition else else(x...)

Operand 0 is the condition, one bool; the others are the graphs' operands. Shapes are those of the branch that ran.

TFLite: kernels/if.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import operands, require_types
from qcore.ops._subgraph import require_signature
from qcore.rules import Rules, untouched
from tflite_schema import IfOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The subgraph of each branch."""

    then_subgraph: int
    else_subgraph: int


def infer(n: Node) -> list[Shape | None]:
    condition = require_types(n, 0, (TensorType.BOOL,), "the condition")
    n.require_shapes(
        math.prod(condition.shape) == 1, f"the condition has shape {condition.shape}, expected one element"
    )
    options = n.options(IfOptions)
    results = [tensor.type for tensor in n.outputs]
    for index, what in ((options.then_subgraph_index, "then-branch"), (options.else_subgraph_index, "else-branch")):
        require_signature(n, index, operands(n)[1:], results, what)
    return [None] * len(n.outputs)


def calls(n: Node) -> tuple[int, int]:
    options = n.options(IfOptions)
    return options.then_subgraph_index, options.else_subgraph_index


def prepare(n: Node) -> Params:
    return Params(*calls(n))


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return ctx.invoke(p.then_subgraph if inputs[0].item() else p.else_subgraph, inputs[1:])


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"bool": eval_any},
    calls=calls,
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
)
