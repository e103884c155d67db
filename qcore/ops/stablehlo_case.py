"""STABLEHLO_CASE: one of several graphs, chosen by an index.

    y... = branch[i](x...)  for i within the branches;  the last branch for every other i

Operand 0 is the index, one int32; the others are the graphs' operands. TFLite lays the node's scales over those of the
branches, so branches whose operands or results have other ones are refused. TFLite registers the operator with the
optimized kernels only.

TFLite: kernels/stablehlo_case.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcore.ir import QuantParams
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import operands, require_types
from qcore.ops._subgraph import require_signature
from qcore.rules import Rules, untouched
from tflite_schema import StablehloCaseOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The subgraph of each branch."""

    branches: tuple[int, ...]


def infer(n: Node) -> list[Shape | None]:
    index = require_types(n, 0, (TensorType.INT32,), "the index")
    n.require_shapes(math.prod(index.shape) == 1, f"the index has shape {index.shape}, expected one element")
    called = calls(n)
    n.require(bool(called), "no branches")
    given = operands(n)[1:]
    for number, branch in enumerate(called):
        what = f"branch {number}"
        require_signature(n, branch, given, [tensor.type for tensor in n.outputs], what)
        graph = n.graph(branch)
        for outer, inner in zip((*given, *n.outputs), (*graph.inputs, *graph.outputs), strict=True):
            own = graph.tensors[inner]
            n.require(
                _same(own.quant, outer.quant),
                f"tensor {inner} {own.name!r} of {what} (subgraph {branch}) has other scales than tensor "
                f"{outer.index} {outer.name!r}",
            )
    return [None] * len(n.outputs)


def calls(n: Node) -> tuple[int, ...]:
    indices = n.options(StablehloCaseOptions).branch_subgraph_indices
    return () if indices is None else tuple(int(index) for index in indices)


def _same(ours: QuantParams | None, theirs: QuantParams | None) -> bool:
    if ours is None or not ours.is_quantized:
        return theirs is None or not theirs.is_quantized
    return ours.same_as(theirs)


def prepare(n: Node) -> Params:
    return Params(calls(n))


def eval_int32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    chosen = int(inputs[0].item())
    return ctx.invoke(p.branches[chosen if 0 <= chosen < len(p.branches) else -1], inputs[1:])


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"int32": eval_int32},
    calls=calls,
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset()),
)
