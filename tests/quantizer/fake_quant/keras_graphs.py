"""Keras models with fake quantization in their TensorFlow graph, as training would leave them.

The frozen graph of a model gets fake quantization after its inputs and after the last operator of each layer (what the
converter fuses into one operator is one layer), of the range seen on random samples; and of its weights, per channel
where the kernels of the converter's models are. So every model that TensorFlow can trace can be asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.ir import Model
from tests import oracle
from tests.quantizer.fake_quant.conversion import convert, convert_as_tensorflow_1

__all__ = ["FrozenGraph"]

_WEIGHTS = {"Conv2D": 1, "DepthwiseConv2dNative": 1, "MatMul": 1, "BatchMatMulV2": 1, "Einsum": 1}
"""Operator -> which operand holds weights."""
_LAYERS = {*_WEIGHTS, "Conv2DBackpropInput", "AddV2"}
_AFFINE = {"AddV2", "BiasAdd", "Mul", "Sub"}
_ACTIVATIONS = {"Relu", "Relu6"}
_INSIDE = re.compile(r".*/(Gelu|[^/]*activation[^/]*)/")
"""Scopes that the converter makes one operator of."""
_MOVES = {
    "Reshape",
    "Identity",
    "Squeeze",
    "Transpose",
    "MaxPool",
    "StridedSlice",
    "ExpandDims",
    "Pad",
    "PadV2",
    "AvgPool",
    "ResizeBilinear",
}


@dataclass(frozen=True)
class FrozenGraph:
    """A TensorFlow graph of constants; names of tensors."""

    definition: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @staticmethod
    def of(model: Any) -> FrozenGraph:
        """The graph of a Keras model, its variables made constants."""
        tf = oracle.tensorflow()
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        shapes = [tensor.shape for tensor in model.inputs]
        signature = [tf.TensorSpec(shape, name=f"in{i}") for i, shape in enumerate(shapes)]
        function = tf.function(lambda *x: model(x if len(x) > 1 else x[0]), input_signature=signature, autograph=False)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function())
        names = tuple(tuple(tensor.name for tensor in side) for side in (frozen.inputs, frozen.outputs))
        return FrozenGraph(frozen.graph.as_graph_def(), *names)

    def fake_quantized(self, *, per_channel: bool = True) -> FrozenGraph:
        tf = oracle.tensorflow()
        with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
            tf.graph_util.import_graph_def(self.definition, name="")
            reached = _reached(graph, self.inputs)
            if not per_channel:
                _fold_scaling(tf, session, graph, reached)
            outputs = dict.fromkeys(self.outputs)
            activations = list(_activations(graph, reached, set(self.outputs)))
            weights = list(_weights(graph, reached))
            rng = np.random.default_rng(0)
            feeds = {
                name: rng.normal(size=[n or 2 for n in graph.get_tensor_by_name(name).shape]).astype(np.float32)
                for name in self.inputs
            }
            values = session.run(activations, feeds)
            for tensor, seen in zip(activations, values, strict=True):
                low, high = min(0.0, float(seen.min())), max(float(seen.max()), 1e-3)
                readers = tensor.consumers()
                result = tf.quantization.fake_quant_with_min_max_vars(tensor, low, high)
                _rewire(readers, tensor, result)
                if tensor.name in outputs:
                    outputs[tensor.name] = result.name
            for operator, position in weights:
                tensor = operator.inputs[position]
                _rewire([operator], tensor, _quantized_weights(tf, operator, tensor, session.run(tensor), per_channel))
            return FrozenGraph(graph.as_graph_def(), self.inputs, tuple(new or old for old, new in outputs.items()))

    def converted(self, *, quantized: bool, inputs: str = "float32", outputs: str = "float32") -> Model:
        """TFLiteConverter's file: the float model, or, with its default optimization, the integer model."""
        tf = oracle.tensorflow()
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(self.definition, name=""), [])
        starts, ends = self._ends(wrapped.graph)
        pruned = wrapped.prune(starts, ends)
        converter = tf.lite.TFLiteConverter
        return convert(
            lambda: converter.from_concrete_functions([pruned]), quantized=quantized, inputs=inputs, outputs=outputs
        )

    def tensorflow_1(self, inference_type: str | None = None, **attributes: Any) -> Model:
        """The file of TensorFlow 1's converter: the float model, or one in `inference_type`."""
        tf = oracle.tensorflow()
        with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
            tf.graph_util.import_graph_def(self.definition, name="")
            starts, ends = self._ends(graph)
            return convert_as_tensorflow_1(session, starts, ends, inference_type, attributes)

    def _ends(self, graph: Any) -> tuple[list[Any], list[Any]]:
        starts, ends = ([graph.get_tensor_by_name(name) for name in side] for side in (self.inputs, self.outputs))
        return starts, ends


def _reached(graph: Any, inputs: Sequence[str]) -> set[str]:
    """Names of the tensors that depend on an input."""
    found = set(inputs)
    for operator in graph.get_operations():
        if any(tensor.name in found for tensor in operator.inputs):
            found.update(tensor.name for tensor in operator.outputs)
    return found


def _fold_scaling(tf: Any, session: Any, graph: Any, reached: set[str]) -> None:
    """Multiply what batch normalization multiplies channels with into the weights, as TensorFlow 1's training did.

    The converter folds it into fake-quantized weights only where those have a scale per channel.
    """
    for operator, position in _weights(graph, reached):
        layer, bias = operator, None
        if _only_reader(layer).type == "BiasAdd":
            layer = bias = _only_reader(layer)
        scaling = _only_reader(layer)
        if "Conv" not in operator.type or scaling.type != "Mul":
            continue
        factor = next(tensor for tensor in scaling.inputs if tensor.name not in reached)
        w, by = session.run([operator.inputs[position], factor])
        by = by.reshape(-1)
        if bias is not None:
            bias._update_input(1, tf.constant(session.run(bias.inputs[1]) * by))
        operator._update_input(position, tf.constant(w * (by if operator.type == "Conv2D" else by[:, None])))
        _rewire(scaling.outputs[0].consumers(), scaling.outputs[0], layer.outputs[0])
        _rewire([scaling], layer.outputs[0], tf.zeros(layer.outputs[0].shape))


def _only_reader(operator: Any) -> Any:
    """The operator that reads the result of another; that one itself if several do, or none."""
    readers = operator.outputs[0].consumers()
    return readers[0] if len(readers) == 1 else operator


def _activations(graph: Any, reached: set[str], outputs: set[str]) -> Iterator[Any]:
    """The float tensors to fake-quantize: what ends a layer."""
    open_layers: set[str] = set()
    for operator in graph.get_operations():
        tensors = [t for t in operator.outputs if t.name in reached and t.dtype.name == "float32"]
        variable = [t for t in operator.inputs if t.name in reached]
        goes_on = any(t.name in open_layers for t in variable) and len(variable) == 1 and operator.type in _AFFINE
        if operator.type in _MOVES or not tensors:
            continue
        if operator.type in _LAYERS or goes_on:
            open_layers.update(t.name for t in tensors)
        for tensor in tensors:
            readers = tensor.consumers()
            inside = _INSIDE.match(operator.name)
            if inside and all(reader.name.startswith(inside[0]) for reader in readers) and readers:
                continue
            fused = len(readers) == 1 and tensor.name in open_layers and tensor.name not in outputs
            if fused and (readers[0].type in _ACTIVATIONS or _is_affine(readers[0], reached)):
                continue
            yield tensor


def _is_affine(operator: Any, reached: set[str]) -> bool:
    return operator.type in _AFFINE and sum(t.name in reached for t in operator.inputs) == 1


def _weights(graph: Any, reached: set[str]) -> Iterator[tuple[Any, int]]:
    for operator in list(graph.get_operations()):
        position = _WEIGHTS.get(operator.type)
        if (
            position is not None
            and operator.inputs[position].name not in reached
            and operator.outputs[0].name in reached
        ):
            yield operator, position


def _quantized_weights(tf: Any, operator: Any, tensor: Any, w: Any, per_channel: bool) -> Any:
    if per_channel and operator.type in ("Conv2D", "DepthwiseConv2dNative"):
        channels = w.reshape(*w.shape[:2], -1) if operator.type != "Conv2D" else w
        most = np.maximum(np.abs(channels).max(tuple(range(channels.ndim - 1))), 1e-6)
        fake_quant = tf.quantization.fake_quant_with_min_max_vars_per_channel
        return tf.reshape(fake_quant(channels, -most, most, narrow_range=True), w.shape)
    largest = float(np.abs(w).max())
    return tf.quantization.fake_quant_with_min_max_vars(tensor, -largest, largest, narrow_range=True)


def _rewire(readers: Sequence[Any], old: Any, new: Any) -> None:
    for reader in readers:
        for position, tensor in enumerate(reader.inputs):
            if tensor is old:
                reader._update_input(position, new)
