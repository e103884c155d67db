"""`qcore.Interpreter`: the `tf.lite.Interpreter` API over the NumPy kernels, and `run` for short.

Differences from TFLite, all of them additions: every intermediate tensor can be read after `invoke` without changing
any result; `kernels` chooses whose arithmetic is reproduced; `record` keeps the named steps inside each kernel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import ModelError, ShapeError, SignatureError, StateError, UnsupportedError
from qcore.execution import GraphRun, Program
from qcore.ir import Model, Shape, Tensor, numpy_dtype
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.recording import Recording
from qcore.tflite import load
from tflite_schema import SignatureDef, TensorType

__all__ = ["Executor", "Interpreter", "SignatureRunner"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Executor:
    """The kernel set that runs an operator; `refused` says why XNNPACK does not, where it was asked for."""

    operator: int
    name: str
    kernels: KernelSet
    refused: str | None


class Interpreter:
    """Executes a .tflite in integers; a drop-in for `tf.lite.Interpreter`.

    model_path: a path, or a `Model`, or the bytes of a file (also as `model_content`).
    kernels: whose arithmetic is reproduced: "reference" (BUILTIN_REF), "optimized" (BUILTIN_WITHOUT_DEFAULT_DELEGATES),
    "xnnpack" (AUTO, the default of `tf.lite.Interpreter`), or a qualified name, see `qcore.kernel_sets`.
    num_threads, experimental_delegates, experimental_op_resolver_type, experimental_preserve_all_tensors and
    experimental_disable_delegate_clustering are accepted for compatibility and change nothing: there are no delegates,
    and every tensor is always preserved.

    Raises ModelError for a malformed file, UnsupportedError (from `allocate_tensors`) naming every operator that cannot
    be executed.
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
        *,
        kernels: str | KernelSet = REFERENCE,
    ) -> None:
        if (model_path is None) == (model_content is None):
            raise ModelError("give either model_path or model_content")
        if experimental_delegates:
            raise UnsupportedError("delegates run compiled code; qcore runs NumPy kernels only. Leave the argument out")
        source = model_content if model_content is not None else model_path
        self.model = source if isinstance(source, Model) else load(source)  # type: ignore[arg-type]
        if not self.model.subgraphs:
            raise ModelError("the model has no subgraph, so there is nothing to run")
        chosen = KernelSet.of(kernels)
        if chosen.name == "xnnpack":
            raise UnsupportedError("kernels='xnnpack' is not available yet; use 'optimized' or 'reference'")
        self._program = Program(self.model, chosen)
        self._graph = self._program.graphs[0]
        self._allocated = False

    # Shapes and memory ------------------------------------------------------------------------------------------------

    def allocate_tensors(self) -> None:
        """Infer all shapes and prepare all operators; UnsupportedError lists whatever has no kernel."""
        self._graph.allocate()
        for index in self._graph.graph.inputs:
            if index not in self._graph.values:
                tensor = self._graph.graph.tensors[index]
                self._graph.values[index] = _zeros(tensor, self._graph.shape(index))
        self._allocated = True

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int], strict: bool = False) -> None:
        """Give an input another shape from the next `allocate_tensors` on.

        strict: only dimensions that are -1 in the shape signature may change (ShapeError otherwise).
        """
        position = self._input_position(input_index)
        shape = tuple(int(size) for size in tensor_size)
        tensor = self._graph.graph.tensors[input_index]
        if any(size < 0 for size in shape):
            raise ShapeError(f"input {input_index} {tensor.name!r}: cannot resize to negative shape {shape}")
        if strict:
            signature = tensor.shape_signature or tensor.shape
            fixed = len(signature) == len(shape) and all(s in (-1, n) for s, n in zip(signature, shape, strict=True))
            if not fixed:
                raise ShapeError(
                    f"input {input_index} {tensor.name!r}: signature {signature} does not allow shape {shape}; "
                    "only dimensions of -1 may change (strict=True)"
                )
        shapes = list(self._graph.input_shapes)
        shapes[position] = shape
        before = self._graph.allocated
        self._graph.resize(shapes)
        self._allocated = self._allocated and before == self._graph.allocated

    def reset_all_variables(self) -> None:
        """Set variable tensors back to their zero point."""
        self._require_allocation()
        self._graph.reset_variables()

    def executors(self) -> list[Executor]:
        """Who runs each operator of the main graph, and why not XNNPACK where it was asked for; allocates if needed."""
        self._graph.allocate()
        return [Executor(step.index, step.operator.name, step.executor, step.refused) for step in self._graph.steps]

    # Tensors ----------------------------------------------------------------------------------------------------------

    def get_input_details(self) -> list[dict[str, Any]]:
        """A dict for each graph input, with TFLite's keys."""
        return [self._details(index) for index in self._graph.graph.inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """A dict for each graph output, with TFLite's keys."""
        return [self._details(index) for index in self._graph.graph.outputs]

    def get_tensor_details(self) -> list[dict[str, Any]]:
        """A dict for each tensor of the main graph, with TFLite's keys."""
        return [self._details(index) for index in range(len(self._graph.graph.tensors))]

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy `value` into a tensor; ShapeError unless shape and dtype are the tensor's own."""
        self._require_allocation()
        self._graph.values[tensor_index] = self._checked(tensor_index, value).copy()

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Array:
        """A copy of a tensor's value: any tensor, intermediates included."""
        return np.array(self._value(tensor_index, subgraph_index))

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
        values = self._by_index(inputs)
        for index, value in values.items():
            tensor = self._graph.graph.tensors[index]
            if np.shape(value) != self._graph.shape(index) and tensor.shape_signature is not None:
                self.resize_tensor_input(index, np.shape(value), strict=True)
        if not self._allocated:
            self.allocate_tensors()
        for index, value in values.items():
            self._graph.values[index] = self._checked(index, value)
        self.invoke()
        return [self.get_tensor(index) for index in self._graph.graph.outputs]

    def record(self, operators: Iterable[int] | None = None) -> Recording:
        """Record the named kernel steps of later runs, of all operators or of these; read with `.steps(operator)`."""
        self._program.recording = Recording(None if operators is None else frozenset((0, index) for index in operators))
        return self._program.recording

    def stop_recording(self) -> None:
        """Record no longer."""
        self._program.recording = None

    # Signatures -------------------------------------------------------------------------------------------------------

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """{signature key: {"inputs": [names], "outputs": [names]}}."""
        return {
            signature.signature_key or "": {
                "inputs": [entry.name or "" for entry in signature.inputs or []],
                "outputs": [entry.name or "" for entry in signature.outputs or []],
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

    def _require_allocation(self) -> None:
        if not self._allocated:
            raise StateError("the interpreter is not allocated; call allocate_tensors() first")

    def _input_position(self, index: int) -> int:
        if index not in self._graph.graph.inputs:
            raise ShapeError(f"tensor {index} is not an input; the inputs are {list(self._graph.graph.inputs)}")
        return self._graph.graph.inputs.index(index)

    def _tensor(self, index: int, graph: GraphRun | None = None) -> Tensor:
        tensors = (graph or self._graph).graph.tensors
        if not 0 <= index < len(tensors):
            raise ShapeError(f"tensor {index} does not exist; the graph has {len(tensors)}")
        return tensors[index]

    def _value(self, index: int, subgraph: int = 0) -> Any:
        self._require_allocation()
        graph = self._program.graphs[subgraph]
        self._tensor(index, graph)
        return graph.value(index)

    def _writable(self, index: int) -> Array:
        value: Array = self._value(index)
        if not value.flags.writeable and index in self._graph.graph.inputs:
            value = self._graph.values[index] = value.copy()
        return value

    def _checked(self, index: int, value: Any, graph: GraphRun | None = None) -> Array:
        tensor = self._tensor(index, graph)
        array = np.asarray(value)
        dtype = numpy_dtype(tensor.type)
        if tensor.type == TensorType.STRING:
            array = _encoded(array)
        if array.dtype != dtype:
            raise ShapeError(f"tensor {index} {tensor.name!r} is {dtype}, got {array.dtype}; convert the value first")
        expected = (graph or self._graph).shape(index)
        if array.shape != expected:
            raise ShapeError(
                f"tensor {index} {tensor.name!r} has shape {expected}, got {array.shape}; "
                "reshape the value or call resize_tensor_input"
            )
        return array

    def _by_index(self, inputs: Any) -> dict[int, Any]:
        graph = self._graph.graph
        if isinstance(inputs, Mapping):
            return {self._input_named(name): np.asarray(value) for name, value in inputs.items()}
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(values) != len(graph.inputs):
            raise ShapeError(f"the model takes {len(graph.inputs)} inputs, got {len(values)}")
        return {index: np.asarray(value) for index, value in zip(graph.inputs, values, strict=True)}

    def _input_named(self, name: str) -> int:
        names = {self._graph.graph.tensors[index].name: index for index in self._graph.graph.inputs}
        for signature in self.model.signatures:
            if signature.subgraph_index == 0:
                names.update({entry.name or "": int(entry.tensor_index) for entry in signature.inputs or []})
        if name not in names:
            raise ShapeError(f"no input named {name!r}; the model has {', '.join(sorted(names))}")
        return names[name]

    def _details(self, index: int, graph: GraphRun | None = None) -> dict[str, Any]:
        graph = graph or self._graph
        tensor = graph.graph.tensors[index]
        quant = tensor.quant
        scales = np.zeros(0, np.float32) if quant is None else np.asarray(quant.scale, np.float32)
        zero_points = np.zeros(0, np.int32) if quant is None else np.asarray(quant.zero_point, np.int32)
        single = scales.size == 1
        shape = graph.shape(index)
        signature = tensor.shape_signature if tensor.shape_signature is not None else shape
        return {
            "name": tensor.name,
            "index": index,
            "shape": np.array(shape, np.int32),
            "shape_signature": np.array(signature, np.int32),
            "dtype": np.bytes_ if tensor.type == TensorType.STRING else _dtype_or_void(tensor),
            "quantization": (float(scales[0]), int(zero_points[0])) if single and zero_points.size else (0.0, 0),
            "quantization_parameters": {
                "scales": scales.copy(),
                "zero_points": zero_points.copy(),
                "quantized_dimension": 0 if quant is None else quant.quantized_dimension,
                "block_size": 0 if quant is None else int(getattr(quant.details, "block_size", 0)),
            },
            "sparsity_parameters": {},
        }


class SignatureRunner:
    """Runs one signature: `runner(x=...)` returns {output name: array}."""

    def __init__(self, interpreter: Interpreter, signature: SignatureDef) -> None:
        graphs = interpreter._program.graphs
        if not 0 <= signature.subgraph_index < len(graphs):
            raise ModelError(
                f"signature {signature.signature_key!r} runs subgraph {signature.subgraph_index}; "
                f"the model has {len(graphs)}"
            )
        self._interpreter = interpreter
        self._graph = graphs[signature.subgraph_index]
        self._inputs = {entry.name or "": int(entry.tensor_index) for entry in signature.inputs or []}
        self._outputs = {entry.name or "": int(entry.tensor_index) for entry in signature.outputs or []}

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by input name."""
        return {name: self._interpreter._details(index, self._graph) for name, index in self._inputs.items()}

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by output name."""
        return {name: self._interpreter._details(index, self._graph) for name, index in self._outputs.items()}

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        """Run with exactly the signature's inputs; QCoreError names those missing or unknown."""
        if set(inputs) != set(self._inputs):
            raise SignatureError(f"the signature takes {sorted(self._inputs)}, got {sorted(inputs)}")
        interpreter, graph = self._interpreter, self._graph
        given = {self._inputs[name]: value for name, value in inputs.items()}
        graph.resize([np.shape(given[i]) if i in given else graph.shape(i) for i in graph.graph.inputs])
        if graph is interpreter._graph:
            interpreter.allocate_tensors()
        else:
            graph.allocate()
        for index, value in given.items():
            graph.values[index] = interpreter._checked(index, value, graph).copy()
        graph.run()
        return {name: np.array(graph.value(index)) for name, index in self._outputs.items()}


def _zeros(tensor: Tensor, shape: Shape) -> Array:
    return np.zeros(shape, numpy_dtype(tensor.type))


def _encoded(texts: Array) -> Array:
    """Strings as the bytes that kernels compare: text in UTF-8."""
    encoded = np.empty(texts.shape, object)
    encoded.reshape(-1)[:] = [text.encode() if isinstance(text, str) else text for text in texts.reshape(-1).tolist()]
    return encoded


def _dtype_or_void(tensor: Tensor) -> Any:
    try:
        return numpy_dtype(tensor.type).type
    except ModelError:
        return np.void
