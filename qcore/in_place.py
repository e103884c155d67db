"""Which operands TFLite's memory planner lets an operator overwrite with its result.

TFLite's calibrator logs an operator's inputs a second time after it ran. Where the result was stored over an input, it
then sees the result's values under the input's index, and the input's range grows. To arrive at TFLite's numbers the
calibrator must know those operands.
TFLite: arena_planner.cc (`IdentifyInPlaceTensors`), the `inplace_operator` flags of kernels/*.cc
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from qcore.ir import Model, Shape, Tensor, numpy_dtype
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["lost_values", "overwritten_operands", "shared_memory"]

_O = BuiltinOperator
# The operand positions whose memory the first result may take, in the order in which they are tried.
_CHANGING: Mapping[BuiltinOperator, tuple[int, ...]] = {
    _O.ADD: (0, 1),
    _O.SUB: (0, 1),
    _O.MUL: (0, 1),
    _O.DIV: (0, 1),
    _O.SOFTMAX: (0,),
    _O.DYNAMIC_UPDATE_SLICE: (0,),
}
# These leave the bytes as they are: the result is the operand under another shape.
_PRESERVING = frozenset({_O.RESHAPE, _O.SQUEEZE, _O.EXPAND_DIMS, _O.BITCAST})
_SCALAR_BYTES = 4


def shared_memory(model: Model, subgraph: int = 0, shapes: Mapping[int, Shape] | None = None) -> dict[int, int]:
    """Tensor -> the tensor whose memory it lives in, for the first results TFLite stores over an operand.

    `shapes` are the shapes at the first allocation, where they differ from the file's. An operand x may be taken over
    by result y iff x is neither a constant, a variable nor a graph input, and y is no graph output. An operator that
    changes the data asks further that bytes(x) == bytes(y) > 4, that nothing else refers to x, and that nothing else
    refers to the tensor whose memory x itself lives in. References are uses as an operand, and one for each graph
    input, graph output and variable.
    """
    graph, actual = model.subgraphs[subgraph], shapes or {}
    references = Counter(tensor for operator in graph.operators for tensor in operator.inputs if tensor >= 0)
    references.update(graph.inputs)
    references.update(graph.outputs)
    references.update(index for index, tensor in enumerate(graph.tensors) if tensor.is_variable)
    home: dict[int, int] = {}

    def size(index: int) -> int:
        return _bytes(graph.tensors[index], actual.get(index, graph.tensors[index].shape))

    def qualifies(x: int, y: int, changing: bool) -> bool:
        tensor = graph.tensors[x]
        if model.is_constant(tensor) or tensor.is_variable or x in graph.inputs:
            return False
        return not changing or (size(x) == size(y) > _SCALAR_BYTES and references[x] == 1)

    for operator in graph.operators:
        changing = operator.code in _CHANGING
        if not (changing or operator.code in _PRESERVING) or not operator.outputs:
            continue
        y = operator.outputs[0]
        candidates = [operator.inputs[i] for i in _CHANGING.get(operator.code, (0,)) if i < len(operator.inputs)]
        x = next((x for x in candidates if x >= 0 and qualifies(x, y, changing)), -1)
        if x < 0 or y in graph.outputs:
            continue
        root = home.get(x, x)
        if not changing or references[root] == 1:
            home[y] = root
    return home


def overwritten_operands(
    model: Model, subgraph: int = 0, shapes: Mapping[int, Shape] | None = None
) -> dict[int, tuple[int, ...]]:
    """Operator index -> the operand tensors in whose memory the operator's first result stands once it ran."""
    home = shared_memory(model, subgraph, shapes)
    overwritten = {}
    for index, operator in enumerate(model.subgraphs[subgraph].operators):
        if operator.code in _CHANGING and operator.outputs and operator.outputs[0] in home:
            place = home[operator.outputs[0]]
            overwritten[index] = tuple(x for x in dict.fromkeys(operator.inputs) if x >= 0 and home.get(x, x) == place)
    return overwritten


def lost_values(
    model: Model, subgraph: int = 0, shapes: Mapping[int, Shape] | None = None
) -> list[tuple[int, int, int]]:
    """(tensor, operator that overwrites it, operator that reads it later) where TFLite loses a value still needed.

    The planner asks whether anything else refers to an operand and to the tensor in whose memory it lives, but not to
    the tensors between the two. From there on TFLite computes with wrong values, and so does its calibrator.
    """
    graph, home = model.subgraphs[subgraph], shared_memory(model, subgraph, shapes)
    written = graph.producers()
    lost = []
    overwriting: dict[int, int] = {}
    for reader, operator in enumerate(graph.operators):
        for tensor in dict.fromkeys(t for t in operator.inputs if t >= 0):
            writer = overwriting.get(home.get(tensor, tensor))
            if writer is not None and written.get(tensor, -1) < writer:
                lost.append((tensor, writer, reader))
        if operator.code in _CHANGING and operator.outputs and operator.outputs[0] in home:
            overwriting[home[operator.outputs[0]]] = reader
    return lost


def _bytes(tensor: Tensor, shape: Shape) -> int:
    """The tensor's size in memory; 0 for types that hold no array, which no operator above takes."""
    if tensor.type in (TensorType.RESOURCE, TensorType.VARIANT, TensorType.STRING):
        return 0
    count = numpy_dtype(tensor.type).itemsize
    for dimension in shape:
        count *= dimension
    return count
