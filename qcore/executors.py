"""Who runs each operator of a graph under a kernel set: known without running it, and listed whole.

An operator that nobody can say it of, or whose kernel under the set is not known, is an entry like the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from qcore.allocation import Problems
from qcore.errors import QCoreError
from qcore.execution import GraphRun, Program
from qcore.ir import Model
from qcore.kernel_sets import KernelSet

__all__ = ["CLOSE", "Executor", "executors_of", "list_executors"]

CLOSE = 1e-5
"""How far float results that are not equal lie from TFLite's at most, as a part of the result's largest number."""


@dataclass(frozen=True, slots=True)
class Executor:
    """The kernel set that runs an operator; None where its kernel is not known, and `unknown` says what is not.

    refused: why XNNPACK does not run it, where XNNPACK was asked for.
    close: its float results are within CLOSE of TFLite's and need not be equal; all others are equal in all bits.
    """

    operator: int
    name: str
    kernels: KernelSet | None
    refused: str | None = None
    unknown: str | None = None
    close: bool = False

    @property
    def reason(self) -> str:
        """Why it is this set, in words; empty where only one set was ever in question."""
        if self.kernels is None:
            return f"not known: {self.unknown}"
        chosen = self.refused or ("XNNPACK delegates" if self.kernels.name == "xnnpack" else "")
        close = f"floats within {CLOSE:g}, not equal" if self.close else ""
        return "; ".join(part for part in (chosen, close) if part)


def list_executors(model: Model, kernels: KernelSet) -> list[list[Executor]]:
    """The executors of every graph of a model, with the shapes that the file gives.

    ModelError or ShapeError: the main graph contradicts itself. Other graphs get their shapes from who invokes them;
    what does not fit there is listed as not known.
    """
    main, *others = Program(model, kernels).graphs
    listed = [executors_of(main)]
    for graph in others:
        try:
            listed.append(executors_of(graph))
        except QCoreError as error:
            names = enumerate(operator.name for operator in graph.graph.operators)
            listed.append([Executor(index, name, None, unknown=str(error)) for index, name in names])
    return listed


def executors_of(graph: GraphRun) -> list[Executor]:
    """The executors of a graph, in the shapes it has now."""
    problems = Problems()
    steps = {step.index: step for step in (graph.steps if graph.allocated else graph.plan(problems).steps)}
    listed = []
    for index, operator in enumerate(graph.graph.operators):
        if index in steps:
            step = steps[index]
            listed.append(Executor(index, operator.name, step.executor, step.refused, close=step.close))
            continue
        place = graph.program.model.place(graph.subgraph, index)
        unknown = problems.at.get(place, "it does not fit the shapes in the file, and what stands before is not known")
        listed.append(Executor(index, operator.name, None, unknown=_without_place(unknown, place)))
    return listed


def _without_place(message: str, place: str) -> str:
    """The message of an error, without the operator and types that it opens with."""
    rest = message.removeprefix(place)
    if rest == message:
        return message
    return rest.partition("): ")[2] if rest.startswith(" (") else rest.removeprefix(": ")
