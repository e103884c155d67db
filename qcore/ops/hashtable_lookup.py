"""HASHTABLE_LOOKUP: rows of a table found by their keys; zeros (empty strings) and hit 0 where there is no such key.

    y[i] = values[j], hits[i] = 1  where keys[j] = lookup[i]

lookup and keys: int32 vectors, keys ascending; values: a row for each key. hits: uint8.

TFLite: kernels/hashtable_lookup.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, FURTHER, kernels, require_counts, require_same_type, require_types
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The place for messages about the keys."""

    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 3, 2)
    lookup, keys = (require_types(n, i, (TensorType.INT32,), what) for i, what in ((0, "lookup"), (1, "keys")))
    values = n.input(2)
    n.require_shapes(lookup.rank == keys.rank == 1, f"lookup and keys have shapes {lookup.shape} and {keys.shape}")
    fits = values.shape[:1] == keys.shape and math.prod(keys.shape) > 0
    n.require_shapes(fits, f"{keys.shape[0]} keys for values of shape {values.shape}")
    if values.type == TensorType.STRING and values.rank != 1:
        raise n.unsupported(f"{values.rank} dimensions of strings; the kernel takes one")
    return [(*lookup.shape, *values.shape[1:]), lookup.shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(2), n.output())
    n.require(n.output(1).type == TensorType.UINT8, f"hits are {n.output(1).type.name}, expected UINT8")
    return Params(n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    lookup, keys, values = inputs
    if (np.diff(keys.astype(np.int64)) <= 0).any():
        raise ModelError(f"{p.place}: the keys do not ascend, so a search among them finds no certain row")
    row = np.minimum(np.searchsorted(keys, lookup), len(keys) - 1)
    hit = keys[row] == lookup
    y = values[row]
    y[~hit] = b"" if values.dtype == object else 0
    return [y, hit.astype(np.uint8)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, *FURTHER, "string"),
    typed_by=2,
)
