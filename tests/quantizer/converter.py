"""TensorFlow's converter as the oracle of the quantizer, and float models made by hand to ask it about.

`mlir_quantize` reads the ranges from the float file, so a model with made-up ranges is a question like any other; no
calibration is needed.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.calibration import Calibration
from qcore.errors import QuantizationError
from qcore.intermediates import with_intermediates
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor, tensor_type
from qcore.quantizer import QuantizationWarning, quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.comparison import differences
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["FloatGraph", "calibrated", "check", "converted", "run", "with_ranges"]

Array = NDArray[Any]
_DTYPES = ("float32", "int8", "uint8")


def converted(
    model: Model,
    *,
    inference_input_type: str = "float32",
    inference_output_type: str = "float32",
    per_channel: bool = True,
    per_channel_dense: bool = True,
    denylisted_ops: Sequence[str] = (),
    denylisted_nodes: Sequence[str] = (),
) -> Model:
    """What the converter makes of a float model that carries ranges: `mlir_quantize`, then shared buffers."""
    tensorflow = oracle.tensorflow()
    convert = importlib.import_module("tensorflow.lite.python.convert")
    types = [getattr(tensorflow, name) for name in (inference_input_type, inference_output_type)]
    content = convert.mlir_quantize(
        to_bytes(model),
        disable_per_channel=not per_channel,
        disable_per_channel_for_dense_layers=not per_channel_dense,
        input_data_type=types[0],
        output_data_type=types[1],
        denylisted_ops=set(denylisted_ops) or None,
        denylisted_nodes=set(denylisted_nodes) or None,
    )
    return load(bytes(convert.deduplicate_readonly_buffers(content)))


def with_ranges(model: Model, calibration: Calibration) -> Model:
    """The float model that carries these ranges, as TensorFlow's calibrator writes them."""
    result = with_intermediates(model).copy()
    for (subgraph, tensor), bounds in calibration.statistics.items():
        low, high = (np.array([bound], np.float32) for bound in bounds)
        empty = np.zeros(0, np.float32), np.zeros(0, np.int64)
        result.subgraphs[subgraph].tensors[tensor].quant = QuantParams(*empty, 0, low, high)
    return load(to_bytes(result))


def check(model: Model, *, attempts: int = 10, **recipe: Any) -> Model | None:
    """Assert that our quantized model says what the converter's says, and return it.

    The converter is not deterministic where operators have several results: it inserts the conversions of such results
    in the order of memory addresses. So it may answer several times, and one of its answers must be ours. Where the
    converter refuses a model because its ranges contradict each other, we must refuse it too; None is returned.
    """
    try:
        theirs = converted(model, **recipe)
    except RuntimeError:
        with pytest.raises(QuantizationError, match="must share one scale"):
            quantize(model, "int8", **recipe)
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuantizationWarning)
        ours = load(to_bytes(quantize(model, "int8", **recipe)))
    found = differences(ours, theirs)
    for _ in range(attempts - 1):
        if not found:
            break
        found = min(found, differences(ours, converted(model, **recipe)), key=len)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])
    return ours


def run(model: Model, seed: int = 0) -> list[Array]:
    """The outputs of TFLite for random inputs in 0..1 (integers: 0..2); RuntimeError or ValueError where it refuses.

    These are its optimized kernels: its reference kernels know fewer versions of some operators than the converter.
    """
    lite = oracle.tensorflow().lite
    resolver = lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = lite.Interpreter(model_content=to_bytes(model), experimental_op_resolver_type=resolver)
    runner.allocate_tensors()
    rng = np.random.default_rng(seed)
    for detail in runner.get_input_details():
        dtype = np.dtype(detail["dtype"])
        floats, integers = rng.uniform(0.1, 0.9, detail["shape"]), rng.integers(0, 3, detail["shape"])
        runner.set_tensor(detail["index"], (floats if dtype.kind == "f" else integers).astype(dtype))
    runner.invoke()
    return [runner.get_tensor(detail["index"]) for detail in runner.get_output_details()]


def calibrated(content: bytes, samples: int = 3, seed: int = 0) -> Model:
    """A float model with the ranges TensorFlow's own calibrator sees on random samples."""
    calibrator = importlib.import_module("tensorflow.lite.python.optimize.calibrator")
    details = oracle.interpreter(content).get_input_details()

    def generator() -> Any:
        rng = np.random.default_rng(seed)
        for _ in range(samples):
            yield [rng.normal(size=detail["shape"]).astype(detail["dtype"]) for detail in details]

    logged = calibrator.add_intermediate_tensors(content)
    return load(bytes(calibrator.Calibrator(logged).calibrate(generator)))


class FloatGraph:
    """A float model, built operator by operator; every float result gets the range `span`, or one drawn from `seed`.

    inside: the graph is another one of that model, to be run by an operator or through a signature.
    """

    def __init__(
        self,
        seed: int = 0,
        span: tuple[float, float] | None = None,
        name: str = "main",
        inside: FloatGraph | None = None,
    ) -> None:
        self.span = span
        self.rng = np.random.default_rng(seed)
        self.graph = Subgraph(name, [], [], (), ())
        self.content: Model = Model([], [None], "MLIR Converted.") if inside is None else inside.content
        self.content.subgraphs.append(self.graph)

    def input(
        self,
        shape: Sequence[int],
        dtype: Any = np.float32,
        *,
        ranged: bool = True,
        signature: tuple[int, ...] | None = None,
    ) -> int:
        """A graph input; `signature` has -1 for dimensions known only at run time."""
        tensor = self._tensor(f"input{len(self.graph.inputs)}", shape, dtype, ranged)
        self.graph.tensors[tensor].shape_signature = signature
        self.graph.inputs = (*self.graph.inputs, tensor)
        return tensor

    def constant(self, values: Any, dtype: Any = np.float32, name: str | None = None) -> int:
        """A stored value."""
        array = np.asarray(values, dtype)
        tensor = self._tensor(name or f"constant{len(self.graph.tensors)}", array.shape, dtype, ranged=False)
        self.graph.tensors[tensor].buffer = self.content.add_buffer(array)
        return tensor

    def random(self, *shape: int, spread: float = 1.0) -> int:
        """A float constant of random values."""
        return self.constant(self.rng.normal(0, spread, shape))

    def state(self, *shape: int) -> int:
        """A variable tensor."""
        tensor = self._tensor(f"state{len(self.graph.tensors)}", shape, np.float32, ranged=True)
        self.graph.tensors[tensor].is_variable = True
        return tensor

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        *shapes: Sequence[int],
        options: Any = None,
        dtype: Any = np.float32,
        ranged: bool = True,
        intermediates: int = 0,
    ) -> Any:
        """An operator; its result, or a list of its results where several shapes are given."""
        index = len(self.graph.operators)
        results = [
            self._tensor(f"{name.lower()}_{index}{'_' * bool(i)}{i or ''}", shape, dtype, ranged)
            for i, shape in enumerate(shapes)
        ]
        operator = Operator(BuiltinOperator[name], tuple(inputs), tuple(results), options)
        operator.intermediates = tuple(
            self._tensor(f"intermediate_{index}_{i}", (0,), np.float32, ranged) for i in range(intermediates)
        )
        self.graph.operators.append(operator)
        return results[0] if len(results) == 1 else results

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self.graph.tensors[tensor].shape

    def finished(self, *outputs: int) -> int:
        """Another graph of the same model, with these outputs; its number."""
        self.graph.outputs = outputs
        return next(i for i, graph in enumerate(self.content.subgraphs) if graph is self.graph)

    def model(self, *outputs: int) -> Model:
        """The model with these outputs, as a file says it."""
        self.graph.outputs = outputs
        return load(to_bytes(self.content))

    def _tensor(self, name: str, shape: Sequence[int], dtype: Any, ranged: bool) -> int:
        type_ = tensor_type(dtype)
        quant = None
        if ranged and type_ == TensorType.FLOAT32:
            drawn = self.rng.normal(0, 10.0 ** self.rng.integers(-2, 2), 2)
            low, high = np.sort(drawn if self.span is None else self.span).astype(np.float32)
            quant = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), 0, np.array([low]), np.array([high]))
        self.graph.tensors.append(Tensor(name, tuple(shape), type_, 0, quant, extra={"has_rank": True}))
        return len(self.graph.tensors) - 1
