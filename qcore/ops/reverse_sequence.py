"""REVERSE_SEQUENCE: in each batch the first so many steps read backwards.

    y[b, s] = x[b, length[b] - 1 - s]  where s < length[b];  else x[b, s]

Lengths: an int32 or int64 vector, one for each batch.

TFLite: kernels/reverse_sequence.cc; internal/reference/reference_ops.h (ReverseSequence)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import (
    INTEGER_INDICES,
    check_indices,
    kernels,
    require_counts,
    require_same_type,
    require_types,
)
from qcore.rules import Rules, activation, untouched
from tflite_schema import ReverseSequenceOptions


@dataclass(frozen=True, slots=True)
class Params:
    """The axes of steps and batches, and the place for messages about a length."""

    seq_dim: int
    batch_dim: int
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, lengths = n.input(0), require_types(n, 1, INTEGER_INDICES, "lengths")
    options = n.options(ReverseSequenceOptions)
    seq_dim, batch_dim = options.seq_dim, options.batch_dim
    n.require_shapes(
        0 <= seq_dim < x.rank and 0 <= batch_dim < x.rank and seq_dim != batch_dim,
        f"seq_dim {seq_dim} and batch_dim {batch_dim} of a rank of {x.rank}",
    )
    batches = (x.shape[batch_dim],)
    n.require_shapes(lengths.shape == batches, f"lengths have shape {lengths.shape}, expected {batches}")
    return [x.shape]


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.output())
    options = n.options(ReverseSequenceOptions)
    return Params(options.seq_dim, options.batch_dim, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x, lengths = inputs
    check_indices(lengths, x.shape[p.seq_dim] + 1, p.place)
    step, length = np.arange(x.shape[p.seq_dim]), lengths[:, None]
    source = np.where(step < length, length - 1 - step, step)
    if p.seq_dim < p.batch_dim:
        source = source.T
    others = [axis for axis in range(x.ndim) if axis not in (p.seq_dim, p.batch_dim)]
    return [np.take_along_axis(x, np.expand_dims(source, tuple(others)), p.seq_dim)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "uint8", "int16", "int32", "int64"),
    rules=Rules(inputs=(activation(), untouched()), outputs=(activation(),), quantizable=frozenset({"int8"})),
)
