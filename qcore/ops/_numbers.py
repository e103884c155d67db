"""Elementwise functions of two operands on plain numbers, without scales; operands broadcast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qcore.errors import UnsupportedError
from qcore.op import Array, Context, Kernel, Node
from qcore.ops._movement import require_counts
from qcore.ops._scaling import require_one_type

__all__ = ["eval_binary", "prepare_operands", "prepare_pair", "require_no_zero"]


def prepare_operands(n: Node) -> None:
    """No constants; two operands of one type, a result of any."""
    require_counts(n, 2)
    n.require(n.input(0).type == n.input(1).type, f"operands must have one type, not {n.types}")


def prepare_pair(n: Node) -> str:
    """The place, for messages at run time; two operands and a result of one type."""
    require_counts(n, 2)
    require_one_type(n)
    return n.place


def eval_binary(function: Callable[[Array, Array], Array]) -> Kernel:
    """The kernel of a function of two arrays."""

    def kernel(p: object, inputs: list[Array], ctx: Context) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(function(inputs[0], inputs[1]))]

    return kernel


def require_no_zero(divisor: Array, place: str, zero: int = 0) -> None:
    """Raise UnsupportedError, as TFLite fails at run time, if a divisor is zero."""
    if (divisor == zero).any():
        raise UnsupportedError(f"{place}: a number of operand 1 is zero (stored as {zero}); division has no result")
