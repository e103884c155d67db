"""TOPK_V2: the k largest values of each row along the last axis, and where they were.

    values[j] >= values[j + 1];  of equal values the first comes first; a NaN comes after every number

Operand 1 is k. Values are compared as they are.

TFLite: kernels/topk_v2.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_types
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

_COUNTS = (TensorType.INT32, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class Params:
    """How many values, and the type of the indices."""

    k: int
    index_dtype: np.dtype[Any]


def _count(n: Node) -> int | None:
    require_counts(n, 2, 2)
    k, x = require_types(n, 1, _COUNTS, "k"), n.input(0)
    n.require_shapes(x.rank >= 1, "a scalar has no row")
    n.require_shapes(k.shape in ((), (1,)), f"k has shape {k.shape}, expected one number")
    value = n.integers(1)
    if value is None:
        return None
    n.require_shapes(value[0] <= x.shape[-1], f"k is {value[0]}, a row has {x.shape[-1]} values")
    return max(0, value[0])


def infer(n: Node) -> list[Shape | None]:
    k = _count(n)
    return [None, None] if k is None else [(*n.input(0).shape[:-1], k)] * 2


def prepare(n: Node) -> Params:
    x, k, values, indices = n.input(0), _count(n), n.output(0), n.output(1)
    n.require(x.type == values.type, f"operand and values must have one type, not {n.types}")
    if indices.type not in _COUNTS:
        raise n.unsupported(f"indices of type {indices.type.name}; TFLite makes INT32 and INT16")
    most = int(np.iinfo(indices.dtype).max)
    n.require_shapes(x.shape[-1] <= most, f"a row of {x.shape[-1]} values has no {indices.type.name} index")
    assert k is not None
    return Params(k, indices.dtype)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    # Sorting -x, or ~x of integers, from the smallest, stably: NaN sorts last.
    order = np.argsort(-x if x.dtype.kind == "f" else ~x, axis=-1, kind="stable")[..., : p.k]
    return [np.take_along_axis(x, order, axis=-1), order.astype(p.index_dtype)]


def version(n: Node) -> int:
    types = [n.input(0).type, n.input(1).type, n.output(1).type]
    return 3 if TensorType.INT16 in types else 2 if types[0] == TensorType.INT8 else 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "uint8", "int8", "int16", "int32", "int64"), eval_any),
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0), untouched()), quantizable=frozenset({"int8"})),
    version=version,
)
