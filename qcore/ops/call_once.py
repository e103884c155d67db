"""CALL_ONCE: a graph without operands or results, run the first time only: it fills variables and tables.

TFLite: kernels/call_once.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._subgraph import require_signature
from tflite_schema import CallOnceOptions


def infer(n: Node) -> list[Shape]:
    require_counts(n, 0, 0)
    require_signature(n, *calls(n), [], [], "initialization")
    return []


def calls(n: Node) -> tuple[int]:
    return (n.options(CallOnceOptions).init_subgraph_index,)


def prepare(n: Node) -> int:
    """The subgraph."""
    return calls(n)[0]


def eval_any(p: int, inputs: list[Array], ctx: Context) -> list[Array]:
    if not ctx.resources.get(f"called {p}"):
        ctx.invoke(p, [])
        ctx.resources[f"called {p}"] = True
    return []


OP = Op(infer=infer, prepare=prepare, kernels={"any": eval_any}, calls=calls)
