"""Hash tables: a Python dict for each handle, filled once. Keys and values: int64 and string, or string and int64.

TFLite: experimental/resource/static_hashtable.cc
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qcore.errors import ModelError
from qcore.op import Array, Context, Node
from qcore.ops._resource import find, key
from tflite_schema import TensorType

__all__ = ["Table", "require_pair", "table"]

PAIRS = ((TensorType.INT64, TensorType.STRING), (TensorType.STRING, TensorType.INT64))


@dataclass(slots=True)
class Table:
    """A table and its types; `filled` once imported into: later imports change nothing."""

    types: tuple[TensorType, TensorType]
    entries: dict[object, object] = field(default_factory=dict)
    filled: bool = False


def require_pair(n: Node, keys: TensorType, values: TensorType) -> tuple[TensorType, TensorType]:
    """The pair of types; UnsupportedError for one no table holds."""
    if (keys, values) not in PAIRS:
        raise n.unsupported(f"tables from {keys.name} to {values.name}; there are INT64 to STRING and STRING to INT64")
    return keys, values


def table(handle: Array, ctx: Context, types: tuple[TensorType, TensorType] | None, place: str) -> Table:
    """The table a handle stands for; ModelError if it is none, or one of other types."""
    found = find(handle, ctx, place)
    if not isinstance(found, Table) or (types is not None and found.types != types):
        raise ModelError(f"{place}: {key(handle)} is no table of these types")
    return found
