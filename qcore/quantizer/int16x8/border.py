"""The types of graph inputs and outputs.

    float32   a QUANTIZE is put first for each input, a DEQUANTIZE last for each output; the integer tensor behind it
              is renamed `<name>_int16`, and the float tensor takes its name
    int16     the graph starts and ends with the integers themselves

TensorFlow: tools/optimize/quantize_model.cc, SetInputAndOutputTypes
"""

from __future__ import annotations

from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Operator, Subgraph, Tensor
from qcore.quantizer.int16x8.parameters import is_quantized
from qcore.quantizer.int16x8.plan import Plan
from qcore.quantizer.int16x8.versions import conversion_version
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["settle_border"]


def settle_border(plan: Plan) -> None:
    """Give inputs and outputs of every graph the types of the recipe.

    QuantizationError: int16 is asked for, and an input or output is float, since nothing in integers reads or makes it.
    """
    for subgraph, graph in enumerate(plan.model.subgraphs):
        for position in range(len(graph.inputs)):
            _require_integers(graph, graph.inputs[position], plan.recipe.input_type, "inference_input_type")
            if plan.recipe.input_type == TensorType.FLOAT32 and _is_int16(graph, graph.inputs[position]):
                _quantize_input(plan, subgraph, graph, position)
        for position in range(len(graph.outputs)):
            _require_integers(graph, graph.outputs[position], plan.recipe.output_type, "inference_output_type")
            if plan.recipe.output_type == TensorType.FLOAT32 and _is_int16(graph, graph.outputs[position]):
                _dequantize_output(plan, subgraph, graph, position)


def _require_integers(graph: Subgraph, index: int, type_: TensorType, field: str) -> None:
    tensor = graph.tensors[index]
    if type_ != TensorType.FLOAT32 and tensor.type == TensorType.FLOAT32:
        raise QuantizationError(
            f"{field} is {type_.name.lower()}, but tensor {index} {tensor.name!r} stays float32: only operators in "
            "float read or make it; leave that type at float32"
        )


def _is_int16(graph: Subgraph, index: int) -> bool:
    return graph.tensors[index].type == TensorType.INT16 and is_quantized(graph.tensors[index])


def _quantize_input(plan: Plan, subgraph: int, graph: Subgraph, position: int) -> None:
    inner = graph.inputs[position]
    outer = _outer(graph, inner)
    code = BuiltinOperator.QUANTIZE
    graph.operators.insert(0, Operator(code, (outer,), (inner,), version=conversion_version(plan.model, code)))
    graph.inputs = (*graph.inputs[:position], outer, *graph.inputs[position + 1 :])
    _update_signature(plan, subgraph, "inputs", inner, outer)


def _dequantize_output(plan: Plan, subgraph: int, graph: Subgraph, position: int) -> None:
    inner = graph.outputs[position]
    outer = _outer(graph, inner)
    code = BuiltinOperator.DEQUANTIZE
    graph.operators.append(Operator(code, (inner,), (outer,), version=conversion_version(plan.model, code)))
    graph.outputs = (*graph.outputs[:position], outer, *graph.outputs[position + 1 :])
    _update_signature(plan, subgraph, "outputs", inner, outer)


def _outer(graph: Subgraph, inner: int) -> int:
    """A float tensor with the name of an integer one, which is renamed."""
    tensor = graph.tensors[inner]
    outer = Tensor(tensor.name, tensor.shape, TensorType.FLOAT32, shape_signature=tensor.shape_signature)
    tensor.name += "_int16"
    return add_tensor(graph, outer)


def _update_signature(plan: Plan, subgraph: int, side: str, inner: int, outer: int) -> None:
    """Let the signature of a graph name the outer tensor: in the first entry that names the inner one."""
    for number, signature in enumerate(plan.model.signatures):
        if signature.subgraph_index != subgraph:
            continue
        entries = list(getattr(signature, side) or [])
        place = next((i for i, entry in enumerate(entries) if entry.tensor_index == inner), None)
        if place is not None:
            entries[place] = entries[place].replace(tensor_index=outer)
            plan.model.signatures[number] = signature.replace(**{side: entries})
