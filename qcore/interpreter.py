"""`qcore.Interpreter`: the `tf.lite.Interpreter` API over the NumPy kernels, and `run` for short.

What is more than in TFLite: every intermediate tensor can be read after `invoke` without changing any result; `kernels`
chooses whose arithmetic is reproduced; `record` keeps the named steps inside each kernel; lists are taken where TFLite
asks for arrays. What is other:

- A tensor that nothing was written to yet has no value: StateError, where TFLite shows what lies in its memory.
- A bfloat16 tensor is the uint16 of its bits, for NumPy has no such type; an array of ml_dtypes.bfloat16 can be set,
  and `value.view(ml_dtypes.bfloat16)` gives what TFLite gives.
- The value of a sparse constant is the whole tensor; TFLite gives the stored values in a row.
- An array that `tensor` gave may be kept; it is no longer the tensor's after the next `invoke`.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.allocation import MAX_TENSOR_BYTES, raise_located
from qcore.errors import ModelError, ShapeError, SignatureError, StateError, UnsupportedError
from qcore.execution import MAX_CALLS, GraphRun, Program, initial_value
from qcore.executors import Executor, executors_of
from qcore.ir import DTYPES, Model, Shape, Tensor
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.recording import Recording
from qcore.tensor_access import given_array, given_value, tensor_details
from qcore.tflite import load
from tflite_schema import SignatureDef

__all__ = ["Interpreter", "SignatureRunner"]

Array = NDArray[Any]
_RESOLVERS = ("AUTO", "BUILTIN", "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES")


class Interpreter:
    """Executes a .tflite in integers; a drop-in for `tf.lite.Interpreter`.

    model_path: a path, or a `Model`, or the bytes of a file (also as `model_content`).
    kernels: whose arithmetic is reproduced: "reference" (BUILTIN_REF), "optimized" (BUILTIN_WITHOUT_DEFAULT_DELEGATES),
    "xnnpack" (AUTO, the default of `tf.lite.Interpreter`), or a qualified name, see `qcore.kernel_sets`.
    max_tensor_bytes: a tensor that takes more is refused (ShapeError), so that a damaged shape cannot exhaust memory.
    max_calls: a run that invokes subgraphs more often (each turn of a WHILE loop: twice) is refused (ModelError), so
    that a damaged loop ends; None for no limit, as in TFLite.

    num_threads, experimental_op_resolver_type, experimental_preserve_all_tensors,
    experimental_disable_delegate_clustering and experimental_default_delegate_latest_features are checked as TFLite
    checks them and change nothing: `kernels` chooses the arithmetic, there are no delegates, and every tensor is always
    preserved. experimental_delegates must be empty (UnsupportedError): delegates run compiled code.

    Raises ModelError for a malformed file, with the place. `allocate_tensors` raises one UnsupportedError that names
    every operator that cannot be executed.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | bytes | Model | None = None,
        model_content: bytes | bytearray | memoryview | None = None,
        experimental_delegates: Sequence[object] | None = None,
        num_threads: int | None = None,
        experimental_op_resolver_type: object | None = None,
        experimental_preserve_all_tensors: bool = False,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        *,
        kernels: str | KernelSet = REFERENCE,
        max_tensor_bytes: int = MAX_TENSOR_BYTES,
        max_calls: int | None = MAX_CALLS,
    ) -> None:
        if bool(model_path) == bool(model_content):
            raise ModelError("give either model_path or model_content")
        if model_content and not isinstance(model_content, (bytes, bytearray, memoryview)):
            raise ModelError(f"model_content is the bytes of a file, got {type(model_content).__name__}")
        _check_arguments(experimental_delegates, num_threads, experimental_op_resolver_type)
        source = model_content or model_path
        self.model = source if isinstance(source, Model) else load(source)  # type: ignore[arg-type]
        if not self.model.subgraphs:
            raise ModelError("the model has no subgraph, so there is nothing to run")
        self._program = Program(
            self.model, KernelSet.of(kernels), max_tensor_bytes=max_tensor_bytes, max_calls=max_calls
        )
        self._graph = self._program.graphs[0]

    # Shapes and memory ------------------------------------------------------------------------------------------------

    def allocate_tensors(self) -> None:
        """Infer all shapes and prepare all operators; UnsupportedError lists whatever has no kernel."""
        self._allocate(self._graph)

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int], strict: bool = False) -> None:
        """Give an input another shape from the next `allocate_tensors` on.

        strict: only dimensions that are -1 in the shape signature may change (ShapeError otherwise). The shape of an
        operator's result may be given too, as in TFLite, and is found anew by `allocate_tensors`.
        """
        graph, tensor = self._graph, self._tensor(self._graph, input_index)
        place = self._place(graph, input_index)
        shape = _given_shape(tensor_size, place)
        if strict and not _may_resize(tensor.shape_signature or tensor.shape, shape):
            raise ShapeError(
                f"{place}: signature {tensor.shape_signature or tensor.shape} does not allow shape {shape}; only "
                "dimensions of -1 may change (strict=True)"
            )
        if input_index in graph.graph.inputs:
            shapes = list(graph.input_shapes)
            shapes[graph.graph.inputs.index(input_index)] = shape
            graph.resize(shapes)
        elif shape != graph.shape(input_index):
            if tensor.is_variable or self.model.is_constant(tensor):
                raise ShapeError(f"{place} is not an input; the inputs are {list(graph.graph.inputs)}")
            graph.allocated = False

    def reset_all_variables(self) -> None:
        """Set variable tensors back to their zero point."""
        for graph in self._program.graphs:
            if graph.allocated:
                graph.reset_variables()

    def executors(self) -> list[Executor]:
        """Who runs each operator of the main graph, and why not XNNPACK where it was asked for.

        An operator whose kernel under the set is not known is listed as such, though the model does not run then.
        """
        return executors_of(self._graph)

    def params(self, operator: int) -> Any:
        """The constants that an operator of the main graph was prepared with: the record its kernel computes from."""
        self._graph.allocate()
        return self._graph.steps[operator].params

    # Tensors ----------------------------------------------------------------------------------------------------------

    def num_subgraphs(self) -> int:
        """The number of the model's graphs; graph 0 is the one that `invoke` runs."""
        return len(self._program.graphs)

    def get_input_details(self) -> list[dict[str, Any]]:
        """A dict for each graph input, with TFLite's keys."""
        return [self._details(self._graph, index) for index in self._graph.graph.inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """A dict for each graph output, with TFLite's keys."""
        return [self._details(self._graph, index) for index in self._graph.graph.outputs]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[dict[str, Any]]:
        """A dict for each tensor that the file has in a graph, with TFLite's keys."""
        graph = self._subgraph(subgraph_index)
        return [self._details(graph, index) for index in range(len(graph.graph.tensors))]

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy `value` into a tensor; ShapeError unless shape and dtype are the tensor's own."""
        checked = self._given(self._graph, tensor_index, value)
        self._require_allocation()
        self._graph.values[tensor_index] = checked.copy()

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Array:
        """A copy of a tensor's value, intermediates included; a NumPy scalar for a tensor of shape (), as in TFLite."""
        value = np.array(self._value(self._subgraph(subgraph_index), tensor_index))
        return value if value.ndim or value.dtype == object else value[()]

    def tensor(self, tensor_index: int) -> Callable[[], Array]:
        """A function that returns the tensor's current array itself, not a copy."""
        return lambda: self._writable(tensor_index)

    # Running ----------------------------------------------------------------------------------------------------------

    def invoke(self) -> None:
        """Run the graph once."""
        self._require_allocation()
        self._graph.run()

    def run(self, inputs: Any) -> list[Array]:
        """The outputs, in order, for the given inputs: one array, a list in input order, or a dict by input name.

        An input whose shape differs is resized where the model's shape signature leaves that dimension open (-1).
        Raises ShapeError for any other shape or dtype.
        """
        graph, values = self._graph, self._by_index(inputs)
        for index, value in values.items():
            if value.shape != graph.shape(index) and graph.graph.tensors[index].shape_signature is not None:
                self.resize_tensor_input(index, value.shape, strict=True)
        self.allocate_tensors()
        for index, value in values.items():
            graph.values[index] = self._given(graph, index, value)
        self.invoke()
        return [np.array(self._value(graph, index)) for index in graph.graph.outputs]

    def record(self, operators: Iterable[int] | None = None) -> Recording:
        """Record the named kernel steps of later runs, of all operators or of these; read with `.steps(operator)`."""
        self._program.recording = Recording(None if operators is None else frozenset((0, index) for index in operators))
        return self._program.recording

    def stop_recording(self) -> None:
        """Record no longer."""
        self._program.recording = None

    # Signatures -------------------------------------------------------------------------------------------------------

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """{signature key: {"inputs": [names], "outputs": [names]}}, the names in alphabetical order."""
        return {
            signature.signature_key or "": {
                "inputs": sorted(entry.name or "" for entry in signature.inputs or []),
                "outputs": sorted(entry.name or "" for entry in signature.outputs or []),
            }
            for signature in self.model.signatures
        }

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable that takes the signature's inputs as keywords and returns its outputs by name."""
        keys = [signature.signature_key for signature in self.model.signatures]
        if signature_key is None:
            if len(keys) != 1:
                raise SignatureError(f"the model has {len(keys)} signatures {keys}; name one of them")
            signature_key = keys[0]
        if signature_key not in keys:
            raise SignatureError(f"no signature {signature_key!r}; the model has {keys}")
        return SignatureRunner(self, self.model.signatures[keys.index(signature_key)])

    # ------------------------------------------------------------------------------------------------------------------

    def _allocate(self, graph: GraphRun) -> None:
        """Make a graph ready; inputs hold 0 or empty strings until they are set."""
        graph.allocate()
        for index in graph.graph.inputs:
            tensor = graph.graph.tensors[index]
            if index not in graph.values and tensor.type in DTYPES:
                graph.values[index] = initial_value(tensor, graph.shape(index))

    def _require_allocation(self) -> None:
        if not self._graph.allocated:
            raise StateError("the interpreter is not allocated; call allocate_tensors() first")

    def _subgraph(self, index: int) -> GraphRun:
        if not 0 <= operator.index(index) < len(self._program.graphs):
            raise ShapeError(f"subgraph {index} does not exist; the model has {len(self._program.graphs)}")
        return self._program.graphs[index]

    def _tensor(self, graph: GraphRun, index: int) -> Tensor:
        tensors = graph.graph.tensors
        if not 0 <= operator.index(index) < len(tensors):
            raise ShapeError(f"tensor {index} does not exist; the graph has {len(tensors)}")
        return tensors[index]

    def _place(self, graph: GraphRun, index: int) -> str:
        return f"tensor {index} {graph.graph.tensors[index].name!r}"

    def _value(self, graph: GraphRun, index: int) -> Any:
        self._tensor(graph, index)
        return graph.value(index)

    def _writable(self, index: int) -> Array:
        value: Array = self._value(self._graph, index)
        if not value.flags.writeable and index in self._graph.graph.inputs:
            value = self._graph.values[index] = value.copy()
        return value

    def _given(self, graph: GraphRun, index: int, value: Any) -> Array:
        return given_value(self._tensor(graph, index), graph.shape(index), value, self._place(graph, index))

    def _by_index(self, inputs: Any) -> dict[int, Array]:
        graph = self._graph.graph
        if isinstance(inputs, Mapping):
            given = {self._input_named(name): value for name, value in inputs.items()}
        else:
            values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            if len(values) != len(graph.inputs):
                raise ShapeError(f"the model takes {len(graph.inputs)} inputs, got {len(values)}")
            given = dict(zip(graph.inputs, values, strict=True))
        return {index: given_array(value, self._place(self._graph, index)) for index, value in given.items()}

    def _input_named(self, name: str) -> int:
        names = {self._graph.graph.tensors[index].name: index for index in self._graph.graph.inputs}
        for signature in self.model.signatures:
            if signature.subgraph_index == 0:
                names.update({entry.name or "": int(entry.tensor_index) for entry in signature.inputs or []})
        if name not in names:
            raise ShapeError(f"no input named {name!r}; the model has {', '.join(sorted(names))}")
        return names[name]

    def _details(self, graph: GraphRun, index: int) -> dict[str, Any]:
        tensor = graph.graph.tensors[index]
        try:
            scales = self.model.block_scales(graph.graph, tensor)
        except ModelError as error:
            raise_located(error, f"subgraph {graph.subgraph}, tensor {index}")
        return tensor_details(tensor, index, graph.shape(index), scales)


class SignatureRunner:
    """Runs one signature: `runner(x=...)` returns {output name: array}."""

    def __init__(self, interpreter: Interpreter, signature: SignatureDef) -> None:
        graphs = interpreter._program.graphs
        key = signature.signature_key
        if not 0 <= signature.subgraph_index < len(graphs):
            raise ModelError(f"signature {key!r} runs subgraph {signature.subgraph_index}; the model has {len(graphs)}")
        self._interpreter = interpreter
        self._graph = graphs[signature.subgraph_index]
        self._inputs = {entry.name or "": int(entry.tensor_index) for entry in signature.inputs or []}
        self._outputs = {entry.name or "": int(entry.tensor_index) for entry in signature.outputs or []}
        for name, index in (self._inputs | self._outputs).items():
            if not 0 <= index < len(self._graph.graph.tensors):
                raise ModelError(f"signature {key!r}: {name!r} is tensor {index}, which does not exist")

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by input name."""
        return {name: self._interpreter._details(self._graph, index) for name, index in sorted(self._inputs.items())}

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by output name."""
        return {name: self._interpreter._details(self._graph, index) for name, index in sorted(self._outputs.items())}

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        """Run with exactly the signature's inputs; QCoreError names those missing or unknown."""
        if set(inputs) != set(self._inputs):
            raise SignatureError(f"the signature takes {sorted(self._inputs)}, got {sorted(inputs)}")
        interpreter, graph = self._interpreter, self._graph
        given = {self._inputs[name]: given_array(value, repr(name)) for name, value in inputs.items()}
        graph.resize([given[i].shape if i in given else graph.shape(i) for i in graph.graph.inputs])
        interpreter._allocate(graph)
        for index, value in given.items():
            graph.values[index] = interpreter._given(graph, index, value).copy()
        graph.run()
        subgraph = graph.subgraph
        return {name: interpreter.get_tensor(index, subgraph) for name, index in sorted(self._outputs.items())}


def _check_arguments(delegates: Sequence[object] | None, num_threads: object, resolver: object) -> None:
    """Refuse what TFLite refuses, and delegates."""
    if delegates:
        raise UnsupportedError("delegates run compiled code; qcore runs NumPy kernels only. Leave the argument out")
    if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
        raise UnsupportedError(f"num_threads must be an int of at least 1, got {num_threads!r}")
    if resolver is not None and getattr(resolver, "name", None) not in _RESOLVERS:
        raise UnsupportedError(f"unknown op resolver type {resolver!r}; tf.lite has {', '.join(_RESOLVERS)}")


def _given_shape(sizes: Any, place: str) -> Shape:
    try:
        array = np.array(sizes, np.int32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"{place}: {sizes!r} is no shape: {error}") from error
    if array.ndim != 1 or (array < 0).any():
        raise ShapeError(f"{place}: {sizes!r} is no shape; give a list of sizes, none of them negative")
    return tuple(array.tolist())


def _may_resize(signature: Shape, shape: Shape) -> bool:
    return len(signature) == len(shape) and all(s in (-1, n) for s, n in zip(signature, shape, strict=True))
