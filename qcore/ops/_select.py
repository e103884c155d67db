"""What SELECT and SELECT_V2 share: y = x where the condition holds, else the other operand; raw values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Kernel, Node, Shape
from qcore.ops._movement import require_counts
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import TensorType

__all__ = ["KERNELS", "RULES", "Params", "all_single", "prepare"]

RULES = Rules(inputs=(untouched(), activation(), same_as(1)), outputs=(same_as(1),), quantizable=frozenset({"int8"}))


@dataclass(frozen=True, slots=True)
class Params:
    """The shape in which the condition broadcasts, and the result's."""

    condition_shape: Shape
    result_shape: Shape


def all_single(n: Node) -> Shape | None:
    """The result's shape in the file, which TFLite keeps where operands and result have one element each."""
    tensors = (*(n.input(position) for position in range(3)), n.output())
    return n.output().shape if all(math.prod(t.shape) == 1 for t in tensors) else None


def prepare(n: Node, condition_shape: Shape) -> Params:
    """ModelError unless the condition is bool and the other types are equal."""
    require_counts(n, 3)
    n.require(n.input(0).type == TensorType.BOOL, f"the condition must be bool, not {n.input(0).type.name.lower()}")
    x, other, y = n.input(1), n.input(2), n.output()
    n.require(x.type == other.type == y.type, f"operands 1 and 2 and the result must have one type, not {n.types}")
    return Params(condition_shape, y.shape)


def eval_select(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    condition, x, y = inputs
    return [np.where(condition.reshape(p.condition_shape), x, y).reshape(p.result_shape)]


_TYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float16", "float32")
KERNELS: dict[str, Kernel] = dict.fromkeys(_TYPES, eval_select)
