"""SQUEEZE: the same values without dimensions of 1: those listed, or all where none is listed.

TFLite: kernels/squeeze.cc
"""

from __future__ import annotations

from qcore.op import Node, Op, Shape
from qcore.ops._movement import axis_in, move, require_counts, require_same_type, version
from qcore.rules import Rules, activation, same_as
from tflite_schema import SqueezeOptions

_MOST_DIMENSIONS = 8


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    x = n.input(0)
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    listed = n.options(SqueezeOptions).squeeze_dims
    if listed is None or not len(listed):
        return [tuple(size for size in x.shape if size != 1)]
    dropped = {axis_in(n, int(axis), x.rank, "squeezed dimension") for axis in listed}
    n.require_shapes(all(x.shape[axis] == 1 for axis in dropped), f"shape {x.shape} is not 1 in {sorted(dropped)}")
    return [tuple(size for axis, size in enumerate(x.shape) if axis not in dropped)]


def prepare(n: Node) -> Shape:
    require_same_type(n, n.input(0), n.output())
    return n.output().shape


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": move},
    rules=Rules(inputs=(activation(),), outputs=(same_as(0),)),
    version=version(string=2),
)
