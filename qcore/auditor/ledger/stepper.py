"""A model whose operators run one at a time, on whatever operands they are given, by the interpreter's own kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from qcore.allocation import raise_located
from qcore.errors import ModelError, UnsupportedError
from qcore.execution import Program
from qcore.ir import Model, Shape
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.numerics.trace import NO_TRACE, Trace
from qcore.op import Context

__all__ = ["Stepper", "Values"]

Array = NDArray[Any]
Values = dict[int, Any]
"""Tensor index -> its value."""


class Stepper:
    """The main graph of a model, made ready for the shapes of a sample; it keeps no value of a run.

    UnsupportedError: an operator has a state, runs another graph, or gives shapes that depend on values; taken out of
    its run such an operator would not compute what it computes there.
    """

    def __init__(self, model: Model, kernels: str | KernelSet = REFERENCE) -> None:
        self.model = model
        self.program = Program(model, KernelSet.of(kernels))
        self.graph = self.program.graphs[0]
        self.constants: Values = {}
        tensors = model.main.tensors
        for index, operator in enumerate(model.main.operators):
            if any(t >= 0 and tensors[t].is_variable for t in operator.inputs):
                raise UnsupportedError(f"{model.place(0, index)}: has a state, so it cannot be taken by itself")

    def prepare(self, shapes: Sequence[Shape]) -> Values:
        """Make ready for inputs of these shapes; returns the constants, and what follows from them."""
        self.graph.resize(shapes)
        if not self.graph.allocated:
            self.graph.allocate()
            self._require_plain_steps()
            values = self.graph.values.items()
            self.constants = {index: value for index, value in values if index not in self.model.main.inputs}
        return dict(self.constants)

    def _require_plain_steps(self) -> None:
        for step in self.graph.steps:
            node = self.graph.node(step.index)
            inner = step.op.stateful or step.op.calls(node)
            if step.dynamic or inner:
                reason = "it has a state or runs another graph" if inner else "shapes depend on values"
                raise UnsupportedError(f"{node.place}: {reason}, so it cannot be taken by itself")

    def results(self, operator: int, values: Mapping[int, Any], trace: Trace = NO_TRACE) -> list[Array]:
        """What an operator gives for these values of its operands; constants need not be among them."""
        step, constants = self.graph.steps[operator], self.constants
        try:
            operands = [None if t < 0 else values[t] if t in values else constants[t] for t in step.operator.inputs]
        except KeyError as missing:
            raise ModelError(
                f"{self.model.place(0, operator)}: reads tensor {missing}, which no operator before it computes"
            ) from None
        try:
            return step.kernel(step.params, operands, Context(trace=trace))
        except Exception as error:
            raise_located(error, self.model.place(0, operator))

    def run(self, values: Values, first: int = 0, traces: Mapping[int, Trace] | None = None) -> None:
        """Run the operators from `first` on, adding their results to `values`."""
        for step in self.graph.steps[first:]:
            if not step.folded:
                trace = NO_TRACE if traces is None else traces.get(step.index, NO_TRACE)
                values.update(zip(step.operator.outputs, self.results(step.index, values, trace), strict=True))
