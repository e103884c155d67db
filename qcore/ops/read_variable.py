"""READ_VARIABLE: the value last assigned to a resource variable.

A result whose shape the file gives takes values of this shape only; a result of shape () takes any.

TFLite: kernels/read_variable.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._resource import find, key, require_handle
from qcore.rules import Rules, activation, untouched


@dataclass(frozen=True, slots=True)
class Params:
    """The result's dtype and shape (None: any), and the place for messages about the value."""

    dtype: np.dtype[np.generic]
    shape: Shape | None
    place: str


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 1)
    require_handle(n)
    return [n.output().shape or None]


def prepare(n: Node) -> Params:
    return Params(n.output().dtype, n.output().shape or None, n.place)


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    value = find(inputs[0], ctx, p.place)
    if not isinstance(value, np.ndarray):
        raise ModelError(f"{p.place}: {key(inputs[0])} is no variable")
    if value.dtype != p.dtype or (p.shape is not None and value.shape != p.shape):
        raise ModelError(
            f"{p.place}: {key(inputs[0])} holds {value.dtype}{list(value.shape)}, "
            f"the result is {p.dtype}{list(p.shape or [])}"
        )
    return [value]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(untouched(),), outputs=(activation(),), quantizable=frozenset({"int16x8"})),
)
