"""What a model must be to be quantized."""

from __future__ import annotations

from qcore.errors import QuantizationError
from qcore.ir import Model
from tflite_schema import TensorType

__all__ = ["require_float"]


def require_float(model: Model) -> None:
    """QuantizationError for a model without operators, or one that computes in integers already."""
    if not model.subgraphs or not model.main.operators:
        raise QuantizationError("the model has no operators; there is nothing to quantize")
    for subgraph, graph in enumerate(model.subgraphs):
        used = {tensor for operator in graph.operators for tensor in (*operator.inputs, *operator.outputs)}
        for index in sorted(used.union(graph.inputs, graph.outputs) - {-1}):
            tensor = graph.tensors[index]
            quantized = tensor.type != TensorType.FLOAT32 and tensor.quant is not None and tensor.quant.is_quantized
            if quantized and not model.is_constant(tensor):
                raise QuantizationError(
                    f"the model is already quantized: subgraph {subgraph}, tensor {index} {tensor.name!r} is "
                    f"{tensor.type.name} with a scale; quantize the float model it was made from"
                )
