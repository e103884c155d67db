"""The intermediate tensors of fused LSTMs: what carries the scales of the values inside.

An LSTM in integers needs to know the ranges of values that are neither operand nor result. The file has a list for
them at the operator, `intermediates`, of tensors that hold nothing but parameters. A float model has none yet.
TFLite: tools/optimize/quantization_wrapper_utils.cc (AddIntermediateTensorsToFusedOp)
"""

from __future__ import annotations

from qcore.edit import add_tensor
from qcore.ir import Model, Tensor
from qcore.op import find
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["with_intermediates"]

_FUSED = (BuiltinOperator.LSTM, BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM)


def with_intermediates(model: Model) -> Model:
    """The model with intermediate tensors for every fused LSTM, behind the tensors of its graph.

    The model itself where nothing is to be added: there is no fused LSTM, or one has intermediate tensors already.
    """
    fused = [(graph, index, op) for graph, index, op in model.walk() if op.code in _FUSED]
    fused = [item for item in fused if find(item[2].code).rules.of(item[2]).intermediates]
    if not fused or any(op.intermediates for _, _, op in model.walk()):
        return model
    result = model.copy()
    for number, index, source in fused:
        graph = result.subgraphs[number]
        count = len(find(source.code).rules.of(source).intermediates)
        tensors = [Tensor(f"intermediate_{index}_{i}", (0,), TensorType.FLOAT32) for i in range(count)]
        graph.operators[index].intermediates = tuple(add_tensor(graph, tensor) for tensor in tensors)
    return result
