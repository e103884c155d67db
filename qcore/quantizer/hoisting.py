"""How the converter's rewritings move constants.

To the converter, constants are statements among the operators. Each time it rewrites the graph, it goes through them
from the top and moves every constant that stands behind something else to the front; so their order turns around,
wholly or in part, with each rewriting.
MLIR: FoldUtils.cpp, OperationFolder::insertKnownConstant
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["hoisted"]

T = TypeVar("T")


def hoisted(statements: Iterable[T], is_constant: Callable[[T], bool]) -> list[T]:
    """The statements after one rewriting."""
    moved: list[T] = []
    kept: list[T] = []
    for statement in statements:
        behind = bool(kept) and not is_constant(kept[-1])
        (moved if behind and is_constant(statement) else kept).append(statement)
    return moved[::-1] + kept
