"""DYNAMIC_UPDATE_SLICE: the operand with a box overwritten by the update.

    y = x;  y[start + i] = update[i];  start = clamp(start, 0, x.shape - update.shape)

Start indices: an int32 or int64 vector; up to 8 dimensions.

TFLite: kernels/dynamic_update_slice.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, kernels, require_counts, require_same_type, require_types
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType

_MOST_DIMENSIONS = 8


def infer(n: Node) -> list[Shape]:
    require_counts(n, 3)
    x, update, start = n.input(0), n.input(1), require_types(n, 2, INTEGER_INDICES, "start indices")
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    n.require_shapes(start.shape == (x.rank,), f"start indices have shape {start.shape}, expected ({x.rank},)")
    fits = update.rank == x.rank and all(u <= size for u, size in zip(update.shape, x.shape, strict=True))
    n.require_shapes(fits, f"an update of shape {update.shape} does not fit into {x.shape}")
    return [x.shape]


def prepare(n: Node) -> None:
    require_same_type(n, n.input(0), n.input(1), n.output())


def eval_any(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    x, update, start = inputs
    y = x.copy()
    box = []
    for first, size, part in zip(start.tolist(), x.shape, update.shape, strict=True):
        first = min(max(first, 0), size - part)
        box.append(slice(first, first + part))
    y[tuple(box)] = update
    return [y]


def version(n: Node) -> int:
    x = n.input(0)
    versions = {TensorType.INT4: 5, TensorType.INT16: 4, TensorType.FLOAT16: 3}
    if x.type in versions:
        return versions[x.type]
    return 2 if n.input(2).type == TensorType.INT64 else 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, "float32", "int8", "int16", "int32", "int64", "bool", "float16", "int4"),
    # The converter quantizes it, with one scale for all, only since TensorFlow 2.22.
    rules=Rules(inputs=(activation(), activation(), untouched()), quantizable=frozenset()),
    version=version,
)
