"""HASHTABLE_IMPORT: keys and values put into a table, the first time only; of equal keys the first one counts.

TFLite: kernels/hashtable_import.cc
"""

from __future__ import annotations

from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._hashtable import require_pair, table
from qcore.ops._movement import kernels, require_counts
from qcore.ops._resource import require_handle
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The types of keys and values, and the place for messages about the table."""

    types: tuple[TensorType, TensorType]
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 3, 0)
    require_handle(n)
    keys, values = n.input(1).shape, n.input(2).shape
    n.require_shapes(keys == values, f"keys of shape {keys} and values of shape {values}")
    return []


def prepare(n: Node) -> Params:
    return Params(require_pair(n, n.input(1).type, n.input(2).type), n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    found = table(inputs[0], ctx, p.types, p.place)
    if not found.filled:
        for name, value in zip(*(x.reshape(-1).tolist() for x in inputs[1:]), strict=True):
            found.entries.setdefault(name, value)
        found.filled = True
    return []


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, "int64", "string"), typed_by=1)
