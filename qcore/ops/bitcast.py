"""BITCAST: the same bytes read as another type (little-endian).

A wider type is read from a last dimension of sizeof(wide) / sizeof(narrow), a narrower one adds such a dimension.

TFLite: kernels/bitcast.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._movement import COMMON, FURTHER, kernels, require_counts
from tflite_schema import TensorType

_TYPES = (*COMMON, *FURTHER)


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1)
    x, y = n.input(0), n.output()
    narrow, wide = _bytes(n, x), _bytes(n, y)
    if narrow == wide:
        return [x.shape]
    if narrow > wide:
        return [(*x.shape, narrow // wide)]
    count = wide // narrow
    n.require_shapes(x.shape[-1:] == (count,), f"shape {x.shape} must end in {count} to be read as {y.type.name}")
    return [x.shape[:-1]]


def _bytes(n: Node, tensor: NodeTensor) -> int:
    if tensor.type.name.lower() not in _TYPES:
        raise n.unsupported(f"{tensor.type.name} has no bytes of its own to read")
    return tensor.dtype.itemsize


def prepare(n: Node) -> tuple[Shape, np.dtype[np.generic]]:
    """(the result's shape, its dtype)."""
    if n.output().type == TensorType.BOOL and n.input(0).type != TensorType.BOOL:
        raise n.unsupported("bytes other than 0 and 1 are no booleans; compare with 0 instead")
    return n.output().shape, n.output().dtype


def eval_any(p: tuple[Shape, np.dtype[np.generic]], inputs: list[Array], ctx: Context) -> list[Array]:
    shape, dtype = p
    return [np.frombuffer(inputs[0].tobytes(), dtype).reshape(shape)]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, *_TYPES))
