"""EMBEDDING_LOOKUP_SPARSE: weighted rows of a table, combined for each example of a sparse tensor.

    SUM    y[e] = sum of weights[i] * table[ids[i]]  over the lookups i of example e, in their order
    MEAN   the same, divided by the sum of the weights
    SQRTN  the same, divided by the square root of the sum of their squares

Operands: ids int32 [n]; indices int32 [n, r], whose first r - 1 coordinates name the example; the dense shape int32
[r]; weights [n]; the table [rows, ...]. Lookups of an example that do not follow each other make several runs: each
run's end divides all that is there, as TFLite does. Examples without lookups are 0.

TFLite: kernels/embedding_lookup_sparse.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import check_indices, require_counts, require_types
from tflite_schema import CombinerType, EmbeddingLookupSparseOptions, TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The combiner, the examples' shape, and the place for messages about an index."""

    combiner: CombinerType
    examples: Shape
    place: str


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 5)
    ids, indices, dense = (
        require_types(n, position, (TensorType.INT32,), what)
        for position, what in enumerate(("ids", "indices", "the dense shape"))
    )
    weights = require_types(n, 3, (TensorType.FLOAT32,), "weights")
    table = n.input(4)
    n.require(n.output().type == TensorType.FLOAT32, f"a result of type {n.output().type.name}, expected FLOAT32")
    count = math.prod(ids.shape)
    n.require_shapes(
        ids.rank == 1 and indices.rank == 2 and indices.shape[0] == count and weights.shape == (count,),
        f"ids, indices and weights have shapes {ids.shape}, {indices.shape} and {weights.shape}",
    )
    n.require_shapes(
        indices.shape[1] > 0 and dense.shape == (indices.shape[1],),
        f"a dense shape of shape {dense.shape} for indices of {indices.shape[1]} coordinates",
    )
    n.require_shapes(table.rank >= 2, f"the table has shape {table.shape}, expected two dimensions or more")
    examples = n.integers(2)
    return [None if examples is None else (*examples[:-1], *table.shape[1:])]


def prepare(n: Node) -> Params:
    combiner = n.options(EmbeddingLookupSparseOptions).combiner
    if combiner not in tuple(CombinerType):
        raise n.unsupported(f"combiner {int(combiner)} is not in this version of the schema")
    return Params(combiner, n.output().shape[: n.input(1).shape[1] - 1], n.place)


def eval_float(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    ids, indices, _, weights, table = inputs
    check_indices(ids, table.shape[0], p.place)
    coordinates = indices[:, :-1]
    check_indices(coordinates, np.array(p.examples, np.int32), p.place)
    strides = [math.prod(p.examples[axis + 1 :]) for axis in range(len(p.examples))]
    example = coordinates.astype(np.int64) @ np.array(strides, np.int64)
    y = np.zeros((math.prod(p.examples), math.prod(table.shape[1:])), np.float32)
    with np.errstate(all="ignore"):
        rows = table.reshape(len(table), y.shape[1])[ids] * weights[:, None]
        if p.combiner == CombinerType.SUM:
            np.add.at(y, example, rows)
        else:
            for run in _runs(example):
                np.add.at(y, example[run], rows[run])
                _divide(p.combiner, y, example[run], weights[run])
    return [y.reshape(*p.examples, *table.shape[1:])]


def _runs(example: Array) -> list[Array]:
    """The lookups of each example's first run, then those of each second run, and so on; their order is kept."""
    starts = np.diff(example, prepend=-1) != 0
    owners = example[starts]
    order = np.argsort(owners, kind="stable")
    turn = np.empty(len(owners), np.int64)
    turn[order] = np.arange(len(owners)) - np.searchsorted(owners[order], owners[order])
    turns = turn[np.cumsum(starts) - 1]
    lookups = np.argsort(turns, kind="stable")
    return np.split(lookups, np.flatnonzero(np.diff(turns[lookups])) + 1)


def _divide(combiner: CombinerType, y: Array, example: Array, weights: Array) -> None:
    """End the runs of these lookups: divide their examples by what the combiner says."""
    ended, member = np.unique(example, return_inverse=True)
    total = np.zeros(len(ended), np.float32)
    np.add.at(total, member, weights if combiner == CombinerType.MEAN else weights * weights)
    y[ended] /= (total if combiner == CombinerType.MEAN else np.sqrt(total))[:, None]


OP = Op(infer=infer, prepare=prepare, kernels={"float32": eval_float}, typed_by=4)
