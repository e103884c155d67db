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

__all__ = ["overwritten_operands"]

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


def overwritten_operands(
    model: Model, subgraph: int = 0, shapes: Mapping[int, Shape] | None = None
) -> dict[int, tuple[int, ...]]:
    """Operator index -> the operand tensors that hold the operator's first result once it ran.

    `shapes` are the shapes at the first allocation, where they differ from the file's. An operand x may be taken over
    by result y iff x is neither a constant, a variable nor a graph input, and y is no graph output. An operator that
    changes the data asks further that bytes(x) == bytes(y) > 4, that nothing else refers to x, and that nothing else
    refers to the tensor whose memory x itself took over. References are uses as an operand, and one for each graph
    input, graph output and variable.
    """
    graph = model.subgraphs[subgraph]
    actual = shapes or {}
    references = Counter(tensor for operator in graph.operators for tensor in operator.inputs if tensor >= 0)
    references.update(graph.inputs)
    references.update(graph.outputs)
    references.update(index for index, tensor in enumerate(graph.tensors) if tensor.is_variable)
    storage: dict[int, int] = {}
    overwritten: dict[int, tuple[int, ...]] = {}

    def size(index: int) -> int:
        return _bytes(graph.tensors[index], actual.get(index, graph.tensors[index].shape))

    def movable(x: int) -> bool:
        tensor = graph.tensors[x]
        return not (model.is_constant(tensor) or tensor.is_variable or x in graph.inputs)

    for index, operator in enumerate(graph.operators):
        changing = operator.code in _CHANGING
        if not (changing or operator.code in _PRESERVING) or not operator.outputs:
            continue
        y = operator.outputs[0]
        if y in graph.outputs:
            continue
        for position in _CHANGING.get(operator.code, (0,)):
            x = operator.inputs[position] if position < len(operator.inputs) else -1
            if x < 0 or not movable(x):
                continue
            if not changing or (size(x) == size(y) > _SCALAR_BYTES and references[x] == 1):
                root = storage.get(x, x)
                if not changing or references[root] <= 1:
                    storage[y] = root
                break
        if changing and y in storage:
            overwritten[index] = tuple(
                x for x in dict.fromkeys(operator.inputs) if x >= 0 and storage.get(x, x) == storage[y]
            )
    return overwritten


def _bytes(tensor: Tensor, shape: Shape) -> int:
    """The tensor's size in memory; 0 for types that hold no array, which no operator above takes."""
    if tensor.type in (TensorType.RESOURCE, TensorType.VARIANT, TensorType.STRING):
        return 0
    count = numpy_dtype(tensor.type).itemsize
    for dimension in shape:
        count *= dimension
    return count
