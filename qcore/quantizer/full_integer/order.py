"""The order in which the converter leaves the constants.

To the converter, constants are statements among the operators. Each time it rewrites the graph, it goes through them
from the top and moves every constant that stands behind something else to the front; so their order turns around,
wholly or in part, with each rewriting.
MLIR: FoldUtils.cpp, OperationFolder::insertKnownConstant
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.full_integer.solve import Solution

__all__ = ["ConstantOrder", "constant_order"]


class Statement(NamedTuple):
    """A constant, the conversions right behind one, or anything else."""

    kind: Literal["constant", "conversions", "other"]
    tensor: int = -1


OTHER = Statement("other")


class ConstantOrder(NamedTuple):
    """Constant, or copy of one -> its place among the unquantized ones, and among the quantized ones."""

    plain: dict[int, int]
    quantized: dict[int, int]


def constant_order(plan: Plan, solution: Solution, plain: set[int], quantized: set[int]) -> ConstantOrder:
    """The places of the constants, given which end up unquantized and which quantized; some are both."""
    block = [copy for statement in _hoisted(_imported(plan, solution)) for copy in _with_copies(plan, statement)]

    # Each float constant is followed by its conversions, and the constants move.
    converted = [item for statement in block for item in _with_conversions(solution, statement)]
    spread = any(t in solution.types and t not in solution.own for t in plan.graph.inputs)
    converted = _hoisted([OTHER, *converted] if spread else converted)

    # Conversions become quantized constants, or float ones again; those move too.
    final = [item for statement in converted for item in _replaced(solution, statement, plain, quantized)]
    return ConstantOrder(_places(_hoisted(final)), _places(block))


def _places(statements: list[Statement]) -> dict[int, int]:
    return {statement.tensor: place for place, statement in enumerate(statements) if statement.kind == "constant"}


def _hoisted(statements: Iterable[Statement]) -> list[Statement]:
    """The statements after one rewriting."""
    moved: list[Statement] = []
    kept: list[Statement] = []
    for statement in statements:
        behind = bool(kept) and kept[-1].kind != "constant"
        (moved if statement.kind == "constant" and behind else kept).append(statement)
    return moved[::-1] + kept


def _imported(plan: Plan, solution: Solution) -> Iterator[Statement]:
    """Constants right before their first reader; the ranges of graph inputs come before everything."""
    if any(tensor in solution.own for tensor in plan.graph.inputs):
        yield OTHER
    seen: set[int] = set()
    for tensors in (*(operator.inputs for operator in plan.graph.operators), plan.graph.outputs):
        for tensor in tensors:
            origin = plan.origin.get(tensor, tensor)
            if plan.is_constant(tensor) and origin not in seen:
                seen.add(origin)
                yield Statement("constant", origin)
        yield OTHER


def _with_copies(plan: Plan, statement: Statement) -> Iterator[Statement]:
    """A constant behind its copies, and before those made because a bias would overflow."""
    copies = [copy for copy, origin in plan.origin.items() if origin == statement.tensor]
    yield from (Statement("constant", copy) for copy in copies if copy not in plan.late_copies)
    if statement.kind != "constant" or plan.uses.get(statement.tensor) or statement.tensor in plan.graph.outputs:
        yield statement
    yield from (Statement("constant", copy) for copy in copies if copy in plan.late_copies)


def _with_conversions(solution: Solution, statement: Statement) -> Iterator[Statement]:
    yield statement
    if statement.tensor in solution.types:
        yield Statement("conversions", statement.tensor)


def _replaced(solution: Solution, statement: Statement, plain: set[int], quantized: set[int]) -> Iterator[Statement]:
    if statement.kind == "conversions":
        if statement.tensor in quantized:
            yield OTHER
        if statement.tensor in plain:
            yield Statement("constant", statement.tensor)
    elif statement.tensor not in solution.types:
        yield statement
