"""Handles of resources: a RESOURCE tensor is held as one object, the key under which Context.resources has the thing.

TFLite: experimental/resource
"""

from __future__ import annotations

import math

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Shape
from qcore.ops._movement import require_types
from tflite_schema import TensorType

__all__ = ["find", "key", "make_handle", "require_handle"]


def make_handle(name: str, shape: Shape) -> Array:
    """The value of a RESOURCE tensor."""
    handle = np.empty(shape, object)
    handle.fill(name)
    return handle


def require_handle(n: Node) -> None:
    """Raise unless operand 0 is one resource."""
    handle = require_types(n, 0, (TensorType.RESOURCE,), "the handle")
    n.require_shapes(math.prod(handle.shape) == 1, f"the handle has shape {handle.shape}, expected one element")


def key(handle: Array) -> str:
    """The name a handle stands for."""
    return str(handle.reshape(-1)[0])


def find(handle: Array, ctx: Context, place: str) -> object:
    """What a handle stands for; ModelError if it was never created."""
    name = key(handle)
    if name not in ctx.resources:
        raise ModelError(f"{place}: {name} is used before anything was put into it")
    return ctx.resources[name]
