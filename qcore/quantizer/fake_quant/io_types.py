"""The types of graph inputs and outputs, changed on the finished model, as TFLiteConverter does for trained models.

    int8    the QUANTIZE after an input and the DEQUANTIZE before an output go, with their float tensors
    uint8   the input is uint8 with zero point + 128 and its QUANTIZE makes it int8; the DEQUANTIZE becomes a QUANTIZE
Where two QUANTIZE then follow each other, the first goes. Inputs and outputs without such an operator stay float32.
TensorFlow: lite/python/util.py, modify_model_io_type. Two things differ. An output that is to stay float32 does so;
where its parameters differ from those its operator writes, TensorFlow makes it an integer if the type of inputs is
changed. And tensors that nothing uses any more are not left in the file.
"""

from __future__ import annotations

from qcore.edit import prune, rewire
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, QuantParams, Subgraph
from tflite_schema import BuiltinOperator, TensorMap, TensorType

__all__ = ["set_io_types"]

QUANTIZE, DEQUANTIZE = BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE
FLOAT32, UINT8 = TensorType.FLOAT32, TensorType.UINT8


def set_io_types(model: Model, input_type: TensorType, output_type: TensorType) -> None:
    """Give graph inputs and outputs these types, in place; FLOAT32 leaves them.

    QuantizationError where nothing can be changed, or a float tensor at the border is also read by another operator.
    """
    if input_type == output_type == FLOAT32:
        return
    for subgraph in sorted({int(signature.subgraph_index or 0) for signature in model.signatures} or {0}):
        if input_type != FLOAT32:
            _set_inputs(model, subgraph, input_type)
        if output_type != FLOAT32:
            _set_outputs(model, subgraph, output_type)
        _drop_first_of_two(model.subgraphs[subgraph])
    prune(model)


def _set_inputs(model: Model, subgraph: int, type_: TensorType) -> None:
    graph = model.subgraphs[subgraph]
    found = [op for op in graph.operators if op.code == QUANTIZE and op.inputs[0] in graph.inputs]
    found = [op for op in found if graph.tensors[op.inputs[0]].type == FLOAT32]
    _require_some(graph, QUANTIZE, graph.inputs, "input")
    for operator in found:
        outer, inner = operator.inputs[0], operator.outputs[0]
        _require_alone(graph, outer, operator, "input")
        if type_ == UINT8:
            _make_uint8(graph, outer, inner)
        else:
            graph.operators.remove(operator)
            graph.inputs = tuple(inner if tensor == outer else tensor for tensor in graph.inputs)
            _renumber_signatures(model, subgraph, outer, inner)


def _set_outputs(model: Model, subgraph: int, type_: TensorType) -> None:
    graph = model.subgraphs[subgraph]
    found = [op for op in graph.operators if op.code == DEQUANTIZE and op.outputs[0] in graph.outputs]
    found = [op for op in found if graph.tensors[op.inputs[0]].type == TensorType.INT8]
    _require_some(graph, DEQUANTIZE, graph.outputs, "output")
    for operator in found:
        inner, outer = operator.inputs[0], operator.outputs[0]
        _require_alone(graph, outer, operator, "output")
        if type_ == UINT8:
            _make_uint8(graph, outer, inner)
            same = next((other for other in graph.operators if other.code == QUANTIZE), None)
            operator.code, operator.version = QUANTIZE, 1 if same is None else same.version
            operator.options = None if same is None else same.options
        else:
            graph.operators.remove(operator)
            graph.outputs = tuple(inner if tensor == outer else tensor for tensor in graph.outputs)
            _renumber_signatures(model, subgraph, outer, inner)


def _require_some(graph: Subgraph, code: BuiltinOperator, border: tuple[int, ...], what: str) -> None:
    floats = [graph.tensors[tensor].name for tensor in border if graph.tensors[tensor].type == FLOAT32]
    if floats and all(operator.code != code for operator in graph.operators):
        raise QuantizationError(
            f"no {what} is quantized, so inference_{what}_type must be float32; fake-quantize {', '.join(floats)} in "
            "training"
        )


def _require_alone(graph: Subgraph, tensor: int, converter: Operator, what: str) -> None:
    others = [op.name for op in graph.operators if op is not converter and tensor in op.inputs]
    if others:
        raise QuantizationError(
            f"{what} {graph.tensors[tensor].name!r} is also read in float by {', '.join(others)}, so it cannot be an "
            f"integer; leave inference_{what}_type float32"
        )


def _make_uint8(graph: Subgraph, outer: int, inner: int) -> None:
    tensor, quant = graph.tensors[outer], graph.tensors[inner].quant
    assert quant is not None
    tensor.type = UINT8
    tensor.quant = QuantParams.of(quant.scale[0], quant.zero_point[0] + 128)


def _drop_first_of_two(graph: Subgraph) -> None:
    """Of two QUANTIZE in a row the second reads what the first did, and everything else reads the second.

    Not where something else stands before the second: TensorFlow then writes a graph that reads a tensor too early.
    """

    def is_integer(tensor: int) -> bool:
        return graph.tensors[tensor].type != FLOAT32

    second = {
        op.inputs[0]: op
        for op in graph.operators
        if op.code == QUANTIZE and is_integer(op.inputs[0]) and is_integer(op.outputs[0])
    }
    for first in [op for op in graph.operators if op.code == QUANTIZE]:
        middle = first.outputs[0]
        follower = second.get(middle)
        readers = [op for op in graph.operators if middle in op.inputs]
        if follower is not None and readers[0] is follower:
            rewire(graph, middle, follower.outputs[0])
            follower.inputs = (first.inputs[0],)
            graph.operators.remove(first)


def _renumber_signatures(model: Model, subgraph: int, old: int, new: int) -> None:
    for index, signature in enumerate(model.signatures):
        if signature.subgraph_index == subgraph:
            model.signatures[index] = signature.replace(
                inputs=[_renumbered(entry, old, new) for entry in signature.inputs or []],
                outputs=[_renumbered(entry, old, new) for entry in signature.outputs or []],
            )


def _renumbered(entry: TensorMap, old: int, new: int) -> TensorMap:
    return entry.replace(tensor_index=new) if int(entry.tensor_index) == old else entry
