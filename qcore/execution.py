"""Running a graph: every operator is made ready once (`allocation`), then kernels run.

A `Program` is a model made ready; it holds one `GraphRun` per subgraph, in which every tensor's value stays readable.
A shape that depends on values is worked out when the values are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.allocation import (
    MAX_TENSOR_BYTES,
    Allocation,
    Problems,
    Step,
    allocate,
    find_problems,
    infer,
    prepare,
    raise_located,
    require_delegated_kind,
    require_size,
    with_shapes,
)
from qcore.errors import ModelError, ShapeError, StateError
from qcore.ir import DTYPES, Model, Shape, Tensor, numpy_dtype
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.numerics.trace import NO_TRACE
from qcore.op import Context, Node
from qcore.recording import Recording
from qcore.wellformed import require_wellformed
from tflite_schema import TensorType

__all__ = ["MAX_CALLS", "GraphRun", "Program", "Step", "initial_value"]

Array = NDArray[Any]
MAX_CALLS = 1_000_000
"""A run that invokes subgraphs more often is refused unless asked for: a damaged loop must not hang."""
_MAX_DEPTH = 64
Observer = Callable[[int, Step, list[Any], list[Array]], None]


class Program:
    """A model made ready to run under one kernel set.

    max_tensor_bytes and max_calls (None: no limit) bound what a file may ask for: see `Interpreter`.
    `observer(subgraph, step, operands, results)` is called after each operator (the calibrator's door).
    """

    def __init__(
        self,
        model: Model,
        kernels: KernelSet = REFERENCE,
        *,
        max_tensor_bytes: int = MAX_TENSOR_BYTES,
        max_calls: int | None = MAX_CALLS,
    ) -> None:
        self.model = model
        self.kernels = kernels
        self.max_tensor_bytes = max_tensor_bytes
        self.max_calls = max_calls
        self.resources: dict[str, Any] = {}
        self.recording: Recording | None = None
        self.observer: Observer | None = None
        for index in range(len(model.subgraphs)):
            require_wellformed(model, index)
        self.graphs = [GraphRun(self, index) for index in range(len(model.subgraphs))]
        self._delegated: list[dict[int, Shape]] | None = None
        self._depth = 0
        self._calls = 0

    def invoke(self, subgraph: int, inputs: list[Array], *, fresh: bool = True) -> list[Array]:
        """Run another graph of the model on the given operands (what IF, WHILE and CALL_ONCE call).

        fresh: its variables and random sequences start anew. TFLite gives the memory of such a graph back when the
        operator is done, so that a state lasts through the turns of a loop and no longer.
        """
        if not 0 <= subgraph < len(self.graphs):
            raise ModelError(f"subgraph {subgraph} does not exist; the model has {len(self.graphs)}")
        graph = self.graphs[subgraph]
        graph.resize([np.shape(value) for value in inputs])
        graph.allocate()
        if fresh:
            graph.start_anew()
        for index, value in zip(graph.graph.inputs, inputs, strict=True):
            graph.values[index] = value
        graph.run()
        return [graph.value(index) for index in graph.graph.outputs]

    def input_shapes(self) -> list[dict[int, Shape]]:
        """The shapes of the inputs of each graph when XNNPACK chose its nodes; as they are now if it did not yet."""
        if self._delegated is not None:
            return self._delegated
        return [dict(zip(run.graph.inputs, run.input_shapes, strict=True)) for run in self.graphs]

    def delegate(self) -> None:
        """XNNPACK chooses its nodes, in all graphs, the first time that any is allocated."""
        self._delegated = self.input_shapes()

    @contextmanager
    def running(self, subgraph: int) -> Iterator[None]:
        """While a graph runs: ModelError where graphs invoke each other too deep or too often."""
        if self._depth >= _MAX_DEPTH:
            raise ModelError(f"subgraph {subgraph} is invoked {_MAX_DEPTH} levels deep")
        self._calls = self._calls + 1 if self._depth else 0
        if self.max_calls is not None and self._calls > self.max_calls:
            raise ModelError(
                f"the run has invoked subgraphs more than max_calls = {self.max_calls:,} times, and may never end; "
                "if the model is sound, give qcore.Interpreter a larger limit, or None"
            )
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def check(self, subgraph: int) -> Problems:
        """What cannot be executed in a graph and in all those it may invoke; ModelError if one invokes itself.

        A node is judged by operator and types: its shapes are known when its graph is allocated.
        """
        problems, seen = Problems(), set[int]()
        self._check(subgraph, problems, seen, ())
        if not problems.reasons:
            for index in seen:
                self.graphs[index].checked = True
        return problems

    def _check(self, subgraph: int, problems: Problems, seen: set[int], path: tuple[int, ...]) -> None:
        if len(path) >= _MAX_DEPTH:
            raise ModelError(f"subgraph {subgraph} is invoked {_MAX_DEPTH} levels deep")
        seen.add(subgraph)
        path = (*path, subgraph)
        graph = self.graphs[subgraph]
        for index in range(len(graph.graph.operators)):
            place = self.model.place(subgraph, index)
            try:
                node = graph.node(index)
                op = find_problems(node, problems)
                calls = () if op is None else op.calls(node)
            except Exception as error:
                raise_located(error, place)
            for called in calls:
                if called in path:
                    raise ModelError(f"{place}: invokes subgraph {called}, which is running: the model calls itself")
                if 0 <= called < len(self.graphs) and called not in seen:
                    self._check(called, problems, seen, path)


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
        self.checked = False
        self._constants: dict[int, Array] | None = None

    def resize(self, shapes: Sequence[Shape]) -> None:
        """Set the operand shapes for the next `allocate`; ShapeError unless there is one for each graph input."""
        if len(shapes) != len(self.input_shapes):
            raise ShapeError(f"subgraph {self.subgraph} takes {len(self.input_shapes)} inputs, got {len(shapes)}")
        if list(shapes) != self.input_shapes:
            for index, old, new in zip(self.graph.inputs, self.input_shapes, shapes, strict=True):
                if old != new:
                    self.shapes[index] = tuple(new)
                    self.values.pop(index, None)
            self.input_shapes = [tuple(shape) for shape in shapes]
            self.allocated = False

    def allocate(self) -> None:
        """Infer shapes, prepare every operator and reset variables; does nothing if nothing changed since.

        Raises one UnsupportedError that lists every operator without a kernel, here and in the graphs it may invoke,
        and ModelError or ShapeError with the place for an operator that contradicts its operands.
        """
        if self.allocated:
            return
        self.program.delegate()
        problems = Problems() if self.checked else self.program.check(self.subgraph)
        made = self.plan(problems)
        problems.raise_all()
        self.steps = made.steps
        self.shapes = {
            index: made.shapes.get(index, tensor.shape)
            for index, tensor in enumerate(self.graph.tensors)
            if index not in made.unknown
        }
        self.values = made.known
        self.reset_variables()
        self.allocated = True

    def plan(self, problems: Problems) -> Allocation:
        """The graph made ready as far as it can be; what has no kernel is added to `problems`."""
        program = self.program
        shapes = dict(zip(self.graph.inputs, self.input_shapes, strict=True))
        for index, shape in shapes.items():
            self._require_size(index, shape, "input")
        shapes |= {index: tensor.shape for index, tensor in enumerate(self.graph.tensors) if tensor.is_variable}
        return allocate(
            program.model,
            self.subgraph,
            shapes,
            self._load_constants(),
            program.kernels,
            program.max_tensor_bytes,
            problems,
            program.input_shapes()[self.subgraph],
        )

    def _require_size(self, index: int, shape: Shape, what: str = "tensor") -> None:
        tensor = self.graph.tensors[index]
        place = f"subgraph {self.subgraph}, {what} {index} {tensor.name!r}"
        require_size(shape, tensor.type, place, self.program.max_tensor_bytes)

    def _load_constants(self) -> dict[int, Array]:
        if self._constants is None:
            model, constants = self.program.model, dict[int, Array]()
            for index, tensor in enumerate(self.graph.tensors):
                if tensor.type not in DTYPES or not model.is_constant(tensor):
                    continue
                self._require_size(index, tensor.shape)
                try:
                    value = model.constant(tensor)
                except Exception as error:
                    raise_located(error, f"subgraph {self.subgraph}, tensor {index}")
                if value is not None:
                    constants[index] = value
            self._constants = constants
        return self._constants

    def node(self, index: int) -> Node:
        """An operator of the graph, with the shapes of the file."""
        return Node.of(
            self.program.model, self.subgraph, index, values=self._load_constants(), kernels=self.program.kernels
        )

    def _given(self, index: int) -> Node:
        """An operator as XNNPACK saw it."""
        shapes = self.program.input_shapes()[self.subgraph]
        return Node.of(self.program.model, self.subgraph, index, shapes=shapes, values=self._load_constants())

    def reset_variables(self) -> None:
        """Fill variable tensors with 0, int8 ones with their zero point (TFLite: `ResetVariableTensor`)."""
        for index, tensor in enumerate(self.graph.tensors):
            if tensor.is_variable and tensor.type in DTYPES:
                self._require_size(index, tensor.shape)
                value = initial_value(tensor, tensor.shape)
                if tensor.type == TensorType.INT8 and tensor.quant is not None and tensor.quant.zero_point.size == 1:
                    value.fill(tensor.quant.zero_point.astype(np.int8).item())
                self.values[index] = value

    def start_anew(self) -> None:
        """Reset variables and forget what kernels kept from run to run."""
        self.reset_variables()
        for step in self.steps:
            step.state.clear()

    def run(self) -> None:
        """Run every operator in order; afterwards `value(i)` is readable for every tensor."""
        if not self.allocated:
            raise StateError("the interpreter is not allocated; call allocate_tensors() first")
        with self.program.running(self.subgraph):
            self._run_steps()

    def _run_steps(self) -> None:
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
            if recorded and program.recording is not None:
                context.trace = program.recording.at(self.subgraph, step.index)
            context.state = step.state
            try:
                operands = [None if tensor < 0 else self.value(tensor) for tensor in step.operator.inputs]
                params = self._prepare_now(step) if step.dynamic else step.params
                results = step.kernel(params, operands, context)
                for tensor, result in zip(step.operator.outputs, results, strict=True):
                    values[tensor] = result
            except Exception as error:
                raise_located(error, program.model.place(self.subgraph, step.index))
            if step.dynamic:
                self._note_shapes(step, results)
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
            shapes = infer(step.op, node, self.program.max_tensor_bytes)
            if step.executor.name == "xnnpack":
                require_delegated_kind(with_shapes(node, shapes), self._given(step.index))
            if values is operands or not any(shape is None for shape in shapes):
                break
        step.params = prepare(step.op, node, shapes)
        step.prepared_for = None if values is operands else shapes_now
        return step.params

    def _note_shapes(self, step: Step, results: list[Array]) -> None:
        """Keep the shapes a dynamic step made; where they changed, TFLite prepares all that follow again."""
        made = {tensor: np.shape(result) for tensor, result in zip(step.operator.outputs, results, strict=True)}
        if any(self.shapes.get(tensor) != shape for tensor, shape in made.items()):
            self.shapes.update(made)
            for later in self.steps[step.index + 1 :]:
                later.state.clear()

    def value(self, index: int) -> Any:
        """The current value of a tensor; StateError if nothing has been written to it yet."""
        if index in self.values:
            return self.values[index]
        if not self.allocated and index in self._load_constants():
            return self._load_constants()[index]
        raise StateError(
            f"subgraph {self.subgraph}, tensor {index} {self.graph.tensors[index].name!r} has no value yet; "
            "call allocate_tensors(), set the inputs and invoke first"
        )

    def shape(self, index: int) -> Shape:
        """The tensor's shape in this allocation; the file's shape where it is known only at run time."""
        return self.shapes.get(index, self.graph.tensors[index].shape)


def initial_value(tensor: Tensor, shape: Shape) -> Array:
    """What a tensor holds before anything is written to it: 0, or empty strings."""
    value = np.zeros(shape, numpy_dtype(tensor.type))
    if tensor.type == TensorType.STRING:
        value.fill(b"")
    return value
