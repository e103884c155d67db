"""HASHTABLE: the handle of a table, named by the option table_id; the table is made on first use.

TFLite: kernels/hashtable.cc
"""

from __future__ import annotations

from dataclasses import dataclass

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._hashtable import Table, require_pair
from qcore.ops._movement import require_counts
from qcore.ops._resource import make_handle
from tflite_schema import HashtableOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The table's name, and the types of its keys and values."""

    name: str
    types: tuple[TensorType, TensorType]


def infer(n: Node) -> list[Shape]:
    require_counts(n, 0)
    return [(1,)]


def prepare(n: Node) -> Params:
    options, y = n.options(HashtableOptions), n.output()
    n.require(y.type == TensorType.RESOURCE, f"the result is {y.type.name}, expected RESOURCE")
    return Params(f"table {options.table_id}", require_pair(n, options.key_dtype, options.value_dtype))


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    ctx.resources.setdefault(p.name, Table(p.types))
    return [make_handle(p.name, (1,))]


OP = Op(infer=infer, prepare=prepare, kernels={"any": eval_any})
