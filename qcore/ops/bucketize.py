"""BUCKETIZE: how many boundaries lie at or below each value.

    y = i with boundaries[i - 1] <= x < boundaries[i]

int32 and int64 are compared as float32, a NaN lies above all boundaries.

TFLite: kernels/bucketize.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from tflite_schema import BucketizeOptions, TensorType


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    return [n.input(0).shape]


def prepare(n: Node) -> Array:
    """The boundaries, float32."""
    stored = n.options(BucketizeOptions).boundaries
    boundaries = np.array([] if stored is None else stored, np.float32)
    n.require(bool((boundaries[1:] >= boundaries[:-1]).all()), f"boundaries {boundaries.tolist()} are not sorted")
    n.require(not np.isnan(boundaries).any(), "a boundary is NaN")
    n.require(n.output().type == TensorType.INT32, f"the result is {n.output().type.name}, expected INT32")
    return boundaries


def eval_any(p: Array, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    compared = x if x.dtype == np.float64 else x.astype(np.float32, copy=False)
    return [np.asarray(np.searchsorted(p, compared, side="right")).astype(np.int32)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=dict.fromkeys(("float32", "float64", "int32", "int64"), eval_any),
)
