"""STABLEHLO_COMPOSITE: a named operation, computed by the graph that spells it out.

    y... = decomposition(x...)

The name and the attributes are for delegates that know the operation; they change nothing here. Scales are those that
the decomposition's own tensors carry.

TFLite: kernels/stablehlo_composite.cc
"""

from __future__ import annotations

from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import operands
from qcore.ops._subgraph import require_signature
from qcore.rules import Rules, untouched
from tflite_schema import StableHLOCompositeOptions


@dataclass(frozen=True, slots=True)
class Params:
    """The graph that computes the operation."""

    subgraph: int


def infer(n: Node) -> list[Shape | None]:
    n.require(bool(n.inputs), "no operands; the operator takes at least one")
    require_signature(n, *calls(n), operands(n), [tensor.type for tensor in n.outputs], "decomposition")
    return [None] * len(n.outputs)


def calls(n: Node) -> tuple[int]:
    return (n.options(StableHLOCompositeOptions).decomposition_subgraph_index,)


def prepare(n: Node) -> Params:
    return Params(*calls(n))


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    return ctx.invoke(p.subgraph, inputs)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    calls=calls,
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
)
