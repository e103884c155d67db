"""How the converter's rewritings move constants.

To the converter, constants are statements among the operators. Each time it rewrites the graph, it goes through them
from the top and moves every constant that stands behind something else to the front; so their order turns around,
wholly or in part, with each rewriting.
MLIR: FoldUtils.cpp, OperationFolder::insertKnownConstant
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

__all__ = ["OTHER", "Statement", "hoisted"]


class Statement(NamedTuple):
    """A constant, the conversions right behind one, or anything else."""

    kind: Literal["constant", "conversions", "other"]
    tensor: int = -1


OTHER = Statement("other")


def hoisted(statements: Iterable[Statement]) -> list[Statement]:
    """The statements after one rewriting."""
    moved: list[Statement] = []
    kept: list[Statement] = []
    for statement in statements:
        behind = bool(kept) and kept[-1].kind != "constant"
        (moved if statement.kind == "constant" and behind else kept).append(statement)
    return moved[::-1] + kept
