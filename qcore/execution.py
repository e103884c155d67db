"""Running a graph: every operator is found, its shapes inferred and its constants prepared once, then kernels run.

A `Program` is a model made ready; it holds one `GraphRun` per subgraph, in which every tensor's value stays readable.
A shape that depends on values is worked out when the values are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import ModelError, ShapeError, StateError, UnsupportedError
from qcore.ir import Model, Operator, Shape, Tensor, numpy_dtype
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.numerics.trace import NO_TRACE
from qcore.op import Context, Kernel, Node, Op, find
from qcore.recording import Recording
from tflite_schema import TensorType

__all__ = ["MAX_ELEMENTS", "MAX_RANK", "GraphRun", "Program", "Step"]

Array = NDArray[Any]
MAX_ELEMENTS = 1 << 31
"""A tensor with more elements is refused: a damaged shape must not exhaust memory."""
MAX_RANK = 32
_MAX_DEPTH = 64
_FOLDED_ELEMENTS = 64
_OPAQUE = (TensorType.RESOURCE, TensorType.VARIANT)


@dataclass(slots=True)
class Step:
    """One operator made ready: its kernel and, unless shapes depend on values (`dynamic`), its Params.

    A dynamic step whose Params follow from operand shapes keeps them as long as the shapes are `prepared_for`. The
    `executor` is the kernel set that runs it; `refused` says why XNNPACK does not, where it was asked for.
    """

    index: int
    operator: Operator
    op: Op
    kernel: Kernel | None = None
    params: Any = None
    dynamic: bool = False
    folded: bool = False
    prepared_for: tuple[Shape | None, ...] | None = None
    executor: KernelSet = REFERENCE
    refused: str | None = None


Observer = Callable[[int, Step, list[Any], list[Array]], None]


class Program:
    """A model made ready to run under one kernel set.

    `observer(subgraph, step, operands, results)` is called after each operator (the calibrator's door).
    """

    def __init__(self, model: Model, kernels: KernelSet = REFERENCE) -> None:
        self.model = model
        self.kernels = kernels
        self.resources: dict[str, Any] = {}
        self.recording: Recording | None = None
        self.observer: Observer | None = None
        self._check_operators()
        self.graphs = [GraphRun(self, index) for index in range(len(model.subgraphs))]
        self._depth = 0

    def _check_operators(self) -> None:
        """Find every operator of every graph; all that is missing is said in one UnsupportedError."""
        missing: dict[str, list[str]] = {}
        for subgraph, index, operator in self.model.walk():
            try:
                find(operator.code, operator.custom_code)
            except UnsupportedError as error:
                missing.setdefault(str(error), []).append(self.model.place(subgraph, index))
        if missing:
            raise UnsupportedError("; ".join(f"{', '.join(places)}: {why}" for why, places in missing.items()))

    def invoke(self, subgraph: int, inputs: list[Array], *, fresh: bool = True) -> list[Array]:
        """Run another graph of the model on the given operands (what IF, WHILE and CALL_ONCE call).

        fresh: its variables start anew. TFLite gives the memory of such a graph back when the operator is done, so that
        a state lasts through the turns of a loop and no longer.
        """
        if not 0 <= subgraph < len(self.graphs):
            raise ModelError(f"subgraph {subgraph} does not exist; the model has {len(self.graphs)}")
        if self._depth >= _MAX_DEPTH:
            raise ModelError(f"subgraph {subgraph} is invoked {_MAX_DEPTH} levels deep; the model calls itself")
        graph = self.graphs[subgraph]
        self._depth += 1
        try:
            graph.resize([np.shape(value) for value in inputs])
            graph.allocate()
            if fresh:
                graph.reset_variables()
            for index, value in zip(graph.graph.inputs, inputs, strict=True):
                graph.values[index] = value
            graph.run()
            return [graph.value(index) for index in graph.graph.outputs]
        finally:
            self._depth -= 1


@dataclass(slots=True)
class _Allocation:
    """What allocation finds out while it walks the operators in order."""

    shapes: dict[int, Shape]
    known: dict[int, Array] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


class GraphRun:
    """A subgraph made ready: steps in order and the current value of every tensor."""

    def __init__(self, program: Program, subgraph: int) -> None:
        self.program = program
        self.subgraph = subgraph
        self.graph = program.model.subgraphs[subgraph]
        self.input_shapes: list[Shape] = [self.graph.tensors[i].shape for i in self.graph.inputs]
        self.shapes: dict[int, Shape] = {}
        self.steps: list[Step] = []
        self.values: dict[int, Any] = {}
        self.allocated = False
        self._constants: dict[int, Array] | None = None

    def resize(self, shapes: Sequence[Shape]) -> None:
        """Set the operand shapes for the next `allocate`; ShapeError unless there is one for each graph input."""
        if len(shapes) != len(self.input_shapes):
            raise ShapeError(f"subgraph {self.subgraph} takes {len(self.input_shapes)} inputs, got {len(shapes)}")
        if list(shapes) != self.input_shapes:
            self.input_shapes = [tuple(shape) for shape in shapes]
            self.allocated = False

    def allocate(self) -> None:
        """Infer shapes, prepare every operator and reset variables; does nothing if nothing changed since.

        Raises one UnsupportedError that lists every operator without a kernel for its types.
        """
        if self.allocated:
            return
        state = _Allocation(shapes={})
        for index, shape in zip(self.graph.inputs, self.input_shapes, strict=True):
            if len(shape) > MAX_RANK or math.prod(max(size, 1) for size in shape) > MAX_ELEMENTS:
                raise ShapeError(
                    f"subgraph {self.subgraph}, input {index}: shape {shape} has more than {MAX_ELEMENTS} elements "
                    f"or {MAX_RANK} dimensions"
                )
            state.shapes[index] = shape
        self.values = dict(self._load_constants())
        state.known.update(self.values)
        self.steps = [self._make_step(index, state) for index in range(len(self.graph.operators))]
        if state.problems:
            raise UnsupportedError("; ".join(state.problems))
        self.shapes = {
            index: state.shapes.get(index, tensor.shape)
            for index, tensor in enumerate(self.graph.tensors)
            if index not in state.unknown
        }
        self.values.update({index: value for index, value in state.known.items() if index not in self.values})
        self.reset_variables()
        self.allocated = True

    def _load_constants(self) -> dict[int, Array]:
        if self._constants is None:
            model = self.program.model
            self._constants = {}
            for index, tensor in enumerate(self.graph.tensors):
                value = None if tensor.type in _OPAQUE else model.constant(tensor)
                if value is not None:
                    self._constants[index] = value
        return self._constants

    def _make_step(self, index: int, state: _Allocation) -> Step:
        operator = self.graph.operators[index]
        step = Step(index, operator, find(operator.code, operator.custom_code))
        node = Node.of(
            self.program.model,
            self.subgraph,
            index,
            shapes=state.shapes,
            values=state.known,
            kernels=self.program.kernels,
        )
        shapes: list[Shape | None]
        try:
            step.executor, step.refused = step.op.executor(node)
            node = replace(node, kernels=step.executor)
            step.kernel = step.op.kernels[step.op.variant(node)]
            if any(tensor in state.unknown for tensor in operator.inputs):
                shapes = [None] * len(operator.outputs)
            else:
                shapes = list(step.op.infer(node))
                node.require(len(shapes) == len(node.outputs), f"{len(node.outputs)} results, expected {len(shapes)}")
                if not any(shape is None for shape in shapes):
                    step.params = step.op.prepare(_with_shapes(node, shapes))
        except UnsupportedError as error:
            state.problems.append(str(error))
            shapes = [None] * len(operator.outputs)
        step.dynamic = any(shape is None for shape in shapes)
        for tensor, shape in zip(operator.outputs, shapes, strict=False):
            if shape is None:
                state.unknown.add(tensor)
            else:
                state.shapes[tensor] = shape
                _check_size(node, shape)
        if not step.dynamic:
            self._fold(step, node, shapes, state)
        return step

    def _fold(self, step: Step, node: Node, shapes: list[Shape | None], state: _Allocation) -> None:
        """Compute small integer results of known values now, so that shapes made of them are known."""
        small = all(
            shape is not None and int(np.prod(shape)) <= _FOLDED_ELEMENTS and tensor.type in _SHAPE_TYPES
            for shape, tensor in zip(shapes, node.outputs, strict=True)
        )
        known = all(t is None or (t.index in state.known and not t.is_variable) for t in node.inputs)
        if not (small and node.outputs and step.kernel and (step.op.shape_only or (known and node.inputs))):
            return
        if step.op.stateful:
            return
        operands = [
            None
            if tensor is None
            else state.known.get(tensor.index, np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape))
            for tensor in node.inputs
        ]
        results = step.kernel(step.params, operands, Context())
        state.known.update(zip(step.operator.outputs, results, strict=True))
        step.folded = True

    def reset_variables(self) -> None:
        """Fill variable tensors with 0, int8 ones with their zero point (TFLite: `ResetVariableTensor`)."""
        for index, tensor in enumerate(self.graph.tensors):
            if tensor.is_variable:
                quant = tensor.quant if tensor.type == TensorType.INT8 else None
                zero = int(quant.zero_point[0]) if quant is not None and quant.zero_point.size else 0
                self.values[index] = np.full(tensor.shape, zero, numpy_dtype(tensor.type))

    def run(self) -> None:
        """Run every operator in order; afterwards `value(i)` is readable for every tensor."""
        if not self.allocated:
            raise StateError("the interpreter is not allocated; call allocate_tensors() first")
        program, values = self.program, self.values
        invoked: set[int] = set()

        def invoke(subgraph: int, inputs: list[Array]) -> list[Array]:
            fresh = subgraph not in invoked
            invoked.add(subgraph)
            return program.invoke(subgraph, inputs, fresh=fresh)

        context = Context(invoke=invoke, resources=program.resources)
        for step in self.steps:
            invoked.clear()
            recorded = program.recording is not None and program.recording.wants(self.subgraph, step.index)
            if step.folded and not recorded and program.observer is None:
                continue
            operands = [None if tensor < 0 else self.value(tensor) for tensor in step.operator.inputs]
            if recorded and program.recording is not None:
                context.trace = program.recording.at(self.subgraph, step.index)
            params = self._prepare_now(step) if step.dynamic else step.params
            assert step.kernel is not None
            results = step.kernel(params, operands, context)
            for tensor, result in zip(step.operator.outputs, results, strict=True):
                values[tensor] = result
            if recorded:
                context.trace = NO_TRACE
            if program.observer is not None:
                program.observer(self.subgraph, step, operands, results)

    def _prepare_now(self, step: Step) -> Any:
        """Infer and prepare a step whose shapes were not known before; by values only where its shapes need them."""
        operands = {tensor: self.value(tensor) for tensor in step.operator.inputs if tensor >= 0}
        operands = {tensor: value for tensor, value in operands.items() if isinstance(value, np.ndarray)}
        shapes_now = tuple(np.shape(operands[t]) if t in operands else None for t in step.operator.inputs)
        if step.prepared_for == shapes_now:
            return step.params
        known = {tensor: np.shape(value) for tensor, value in operands.items()}
        for values in (self._load_constants(), operands):
            node = Node.of(
                self.program.model,
                self.subgraph,
                step.index,
                shapes=known,
                values=values,
                kernels=step.executor,
            )
            shapes = list(step.op.infer(node))
            if values is operands or not any(shape is None for shape in shapes):
                break
        for tensor, shape in zip(step.operator.outputs, shapes, strict=True):
            if shape is not None:
                _check_size(node, shape)
                self.shapes[tensor] = shape
        step.params = step.op.prepare(_with_shapes(node, shapes))
        step.prepared_for = None if values is operands else shapes_now
        return step.params

    def value(self, index: int) -> Any:
        """The current value of a tensor; StateError if nothing has been written to it yet."""
        try:
            return self.values[index]
        except KeyError:
            tensor: Tensor = self.graph.tensors[index]
            raise StateError(
                f"subgraph {self.subgraph}, tensor {index} {tensor.name!r} has no value yet; "
                "set the inputs and invoke first"
            ) from None

    def shape(self, index: int) -> Shape:
        """The tensor's shape in this allocation; the file's shape where it is known only at run time."""
        return self.shapes.get(index, self.graph.tensors[index].shape)


_SHAPE_TYPES = (TensorType.INT32, TensorType.INT64)


def _with_shapes(node: Node, shapes: Sequence[Shape | None]) -> Node:
    """The node with its inferred result shapes."""
    outputs = tuple(
        tensor if shape is None else replace(tensor, shape=shape)
        for tensor, shape in zip(node.outputs, shapes, strict=True)
    )
    return replace(node, outputs=outputs)


def _check_size(node: Node, shape: Shape) -> None:
    node.require_shapes(len(shape) <= MAX_RANK, f"a result has {len(shape)} dimensions; NumPy takes up to {MAX_RANK}")
    elements = 1
    for dimension in shape:
        node.require_shapes(dimension >= 0, f"result shape {shape} has a negative dimension")
        elements *= max(dimension, 1)
    node.require_shapes(elements <= MAX_ELEMENTS, f"result shape {shape} has more than {MAX_ELEMENTS} elements")
