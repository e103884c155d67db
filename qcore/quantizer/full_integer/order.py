"""The converter's order of tensors, and in it, the order in which its rewritings leave the constants.

Tensors are graph inputs; variables of operators in float, from the last to the first; unquantized constants, as a rule
in the order of their first use; quantized constants from the last use to the first, copies of one together; then what
is left of every operator: integer variables, intermediate tensors, results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from qcore.quantizer import hoisting
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.full_integer.solve import Solution
from qcore.quantizer.program import Program, Value

__all__ = ["tensor_order"]


class Statement(NamedTuple):
    """A constant, the conversions right behind one, or anything else."""

    kind: Literal["constant", "conversions", "other"]
    tensor: int = -1


OTHER = Statement("other")


class ConstantOrder(NamedTuple):
    """Constant, or copy of one -> its place among the unquantized ones, and among the quantized ones."""

    plain: dict[int, int]
    quantized: dict[int, int]


def tensor_order(program: Program, plan: Plan, solution: Solution) -> list[Value | str]:
    """The tensors of a program in their order, and before them the name that an operand left off takes away."""
    made = {value for line in program.lines for value in line.outputs}
    read = [value for line in program.lines for value in line.inputs if value is not None]
    order = dict.fromkeys(program.inputs)
    constants = dict.fromkeys(v for v in (*read, *program.outputs) if v not in made and v not in order)
    # Constants that the file holds quantized, or with a QUANTIZE of their own, stay right before their operator.
    variables = [value for value in constants if value.tensor.is_variable]
    plain = [v for v in constants if v.quantized is None and not v.is_given and v not in variables]
    quantized = [v for v in constants if v.quantized is not None and v.source not in plan.pairs and v not in variables]
    rank = _constant_order(plan, solution, {value.source for value in plain}, {value.source for value in quantized})
    early = [value for line in program.lines if line.early for value in line.outputs]
    order.update(dict.fromkeys(value for value in reversed(variables) if value.quantized is None))
    order.update(dict.fromkeys(sorted(plain, key=lambda value: rank.plain[value.source])))
    order.update(dict.fromkeys(early))
    order.update(dict.fromkeys(sorted(quantized, key=lambda value: rank.quantized[value.source])))
    for line in program.lines:
        order.update(dict.fromkeys(value for value in line.before if value in constants))
        order.update(dict.fromkeys(value for value in line.inputs if value is not None))
        order.update(dict.fromkeys((*line.intermediates, *line.outputs)))
    return [*([] if plan.absent_name is None else [plan.absent_name]), *order]


def _constant_order(plan: Plan, solution: Solution, plain: set[int], quantized: set[int]) -> ConstantOrder:
    """The places of the constants, given which end up unquantized and which quantized; some are both."""
    # The weights of recurrent operators are converted before anything else, and the constants move.
    imported = [item for statement in _hoisted(_imported(plan, solution)) for item in _with_early(plan, statement)]
    block = [copy for statement in _hoisted(imported) for copy in _with_copies(plan, statement)]

    # Each other float constant is followed by its conversions, and the constants move.
    converted = [item for statement in block for item in _with_conversions(plan, solution, statement)]
    places = {item.tensor: place for place, item in enumerate(converted) if item.kind == "conversions"}
    spread = any(t in solution.types and t not in solution.own for t in plan.graph.inputs)
    converted = _hoisted([OTHER, *converted] if spread else converted)

    # Conversions become quantized constants, or float ones again; those move too.
    final = [item for statement in converted for item in _replaced(plan, solution, statement, plain, quantized)]
    return ConstantOrder({item.tensor: place for place, item in enumerate(_hoisted(final))}, places)


def _hoisted(statements: Iterable[Statement]) -> list[Statement]:
    return hoisting.hoisted(statements, lambda statement: statement.kind == "constant")


def _imported(plan: Plan, solution: Solution) -> Iterator[Statement]:
    """Constants right before their first reader; the ranges of graph inputs come before everything."""
    if any(tensor in solution.own and tensor not in plan.pairs for tensor in plan.graph.inputs):
        yield OTHER
    seen: set[int] = set()
    for tensors in (*(operator.inputs for operator in plan.graph.operators), plan.graph.outputs):
        for tensor in tensors:
            if plan.is_variable(tensor):
                yield OTHER  # the range of a state
            origin = plan.origin.get(tensor, tensor)
            if plan.is_constant(tensor) and origin not in seen:
                seen.add(origin)
                yield Statement("constant", origin)
            if tensor in plan.pairs:
                yield Statement("other", tensor)
        yield OTHER


def _with_early(plan: Plan, statement: Statement) -> Iterator[Statement]:
    """A constant before those of its conversions that recurrent operators ask for, of the last operand first."""
    yield statement
    if statement.kind == "constant":
        copies = [copy for copy in plan.early if plan.origin.get(copy, copy) == statement.tensor]
        copies.sort(key=lambda copy: [(index, -position) for index, position in plan.uses[copy]])
        yield from (Statement("conversions", copy) for copy in copies)


def _with_copies(plan: Plan, statement: Statement) -> Iterator[Statement]:
    """A constant behind its copies, and before those made because a bias would overflow."""
    copies = [copy for copy, origin in plan.origin.items() if origin == statement.tensor]
    yield from (Statement("constant", copy) for copy in copies if copy not in plan.late_copies)
    if statement.kind != "constant" or plan.uses.get(statement.tensor) or statement.tensor in plan.graph.outputs:
        yield statement
    yield from (Statement("constant", copy) for copy in copies if copy in plan.late_copies)


def _with_conversions(plan: Plan, solution: Solution, statement: Statement) -> Iterator[Statement]:
    yield statement
    late = statement.kind == "constant" and statement.tensor not in plan.early
    if late and statement.tensor in solution.types and statement.tensor not in plan.pairs:
        yield Statement("conversions", statement.tensor)


def _replaced(
    plan: Plan, solution: Solution, statement: Statement, plain: set[int], quantized: set[int]
) -> Iterator[Statement]:
    if statement.kind == "other":
        yield OTHER
        if statement.tensor in plain:
            yield Statement("constant", statement.tensor)
    elif statement.kind == "conversions":
        if statement.tensor in quantized:
            yield OTHER
        if statement.tensor in plain:
            yield Statement("constant", statement.tensor)
    elif statement.tensor not in solution.types:
        yield statement
