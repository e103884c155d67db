"""HASHTABLE_FIND: the values of keys, a default for those the table lacks.

TFLite: kernels/hashtable_find.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._hashtable import require_pair, table
from qcore.ops._movement import kernels, require_counts, require_same_type
from qcore.ops._resource import require_handle
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The types of keys and values, the values' dtype, and the place for messages about the table."""

    types: tuple[TensorType, TensorType]
    dtype: np.dtype[np.generic]
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 3)
    require_handle(n)
    default = n.input(2)
    n.require_shapes(math.prod(default.shape) == 1, f"the default has shape {default.shape}, expected one element")
    return [n.input(1).shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(2), n.output())
    return Params(require_pair(n, n.input(1).type, n.output().type), n.output().dtype, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    handle, keys, default = inputs
    found = table(handle, ctx, p.types, p.place)
    if not found.filled:
        raise ModelError(f"{p.place}: nothing was imported into the table yet")
    y = np.empty(keys.size, p.dtype)
    y[:] = [found.entries.get(name, default.item()) for name in keys.reshape(-1).tolist()]
    return [y.reshape(keys.shape)]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, "int64", "string"), typed_by=1)
