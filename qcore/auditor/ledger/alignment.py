"""Which operator of the float model an operator of the quantized model stands for.

Converters keep the order of operators and most names, put QUANTIZE and DEQUANTIZE between them, and fuse, split or drop
a few. Operators are paired in order, those of equal names first; a pair that contradicts the graphs is taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest

from qcore.errors import QuantizationError
from qcore.ir import Model, Operator
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["CONVERSIONS", "Alignment", "align", "operand_pairs"]

CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
_ACTIVATIONS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
_STANDING_FOR = (*CONVERSIONS, BuiltinOperator.FAKE_QUANT)


@dataclass(frozen=True)
class Alignment:
    """twins: operator of the quantized model -> operator of the float model. tensors: activations, in the same way.

    conversions: QUANTIZE and DEQUANTIZE of activations, which stand for no operator. constants: tensors of the
    quantized model whose values are in the file, perhaps behind a DEQUANTIZE. stored: the same of the float model;
    exact_constants: those in float32. sources: tensors of the float model that a FAKE_QUANT, or QUANTIZE and
    DEQUANTIZE, made of another, and which. unmatched: all other operators.
    """

    twins: dict[int, int] = field(default_factory=dict)
    tensors: dict[int, int] = field(default_factory=dict)
    conversions: set[int] = field(default_factory=set)
    constants: set[int] = field(default_factory=set)
    exact_constants: set[int] = field(default_factory=set)
    sources: dict[int, int] = field(default_factory=dict)
    stored: set[int] = field(default_factory=set)
    unmatched: list[int] = field(default_factory=list)


def align(quantized: Model, float_model: Model) -> Alignment:
    """Pair the operators of the main graphs; inputs correspond by position.

    QuantizationError: the models have inputs or outputs of other numbers or shapes, or no operator in common, or the
    float model is a quantized one.
    """
    for what in ("inputs", "outputs"):
        shapes = [
            [m.main.tensors[t].shape_signature or m.main.tensors[t].shape for t in getattr(m.main, what)]
            for m in (quantized, float_model)
        ]
        if shapes[0] != shapes[1]:
            raise QuantizationError(
                f"the {what} of the quantized model have shapes {shapes[0]}, those of the float model {shapes[1]}; "
                "give the float model that this one was made from"
            )
    _require_float(float_model)
    found = Alignment(tensors=dict(zip(quantized.main.inputs, float_model.main.inputs, strict=True)))
    tensors = quantized.main.tensors
    found.constants.update(i for i, t in enumerate(tensors) if quantized.is_constant(t))
    _look_at_float(found, float_model)
    pairs = _pairs(quantized, float_model)
    for index, operator in enumerate(quantized.main.operators):
        if operator.code in CONVERSIONS and operator.inputs and operator.outputs:
            _pass(found, index, operator)
        elif index in pairs and _agree(found, operator, float_model.main.operators[pairs[index]]):
            found.twins[index] = pairs[index]
            theirs = float_model.main.operators[pairs[index]].outputs
            found.tensors.update(zip(operator.outputs, theirs, strict=True))
        else:
            found.unmatched.append(index)
    if not found.twins:
        raise QuantizationError("no operator of the quantized model stands for one of the float model")
    return found


def _require_float(model: Model) -> None:
    for index, operator in enumerate(model.main.operators):
        operands = [model.main.tensors[t] for t in operator.inputs if t >= 0]
        if operator.code not in _STANDING_FOR and any(
            t.type in _ACTIVATIONS and t.quant is not None and t.quant.is_quantized and not model.is_constant(t)
            for t in operands
        ):
            raise QuantizationError(
                f"{model.place(0, index)}: computes with integers, so this is no float model; "
                "give the model as it was before it was quantized"
            )


def _pass(found: Alignment, index: int, operator: Operator) -> None:
    """A conversion hands on what its operand stands for."""
    source, result = operator.inputs[0], operator.outputs[0]
    if source in found.constants:
        found.constants.add(result)
    elif source in found.tensors:
        found.tensors[result] = found.tensors[source]
        found.conversions.add(index)
    else:
        found.unmatched.append(index)


def _look_at_float(found: Alignment, float_model: Model) -> None:
    """Constants of the float model, and the tensors that only stand for another."""
    tensors = float_model.main.tensors
    found.stored.update(i for i, t in enumerate(tensors) if float_model.is_constant(t))
    for op in float_model.main.operators:
        if op.code not in _STANDING_FOR or not op.inputs or not op.outputs:
            continue
        source, result = op.inputs[0], op.outputs[0]
        found.sources[result] = found.sources.get(source, source)
        if source in found.stored:
            found.stored.add(result)
    found.exact_constants.update(i for i in found.stored if tensors[i].type == TensorType.FLOAT32)


def _agree(found: Alignment, ours: Operator, theirs: Operator) -> bool:
    """Whether every operand stands for the operand at its place."""
    if len(ours.outputs) != len(theirs.outputs):
        return False
    for mine, other in operand_pairs(ours, theirs):
        if mine < 0 or other < 0:
            if other >= 0 or (mine >= 0 and mine not in found.constants):  # a bias of zeros may have been added
                return False
        elif mine in found.constants:
            if other not in found.stored:
                return False
        elif found.tensors.get(mine) != found.sources.get(other, other):  # no constant is the counterpart of a tensor
            return False
    return True


def operand_pairs(ours: Operator, theirs: Operator) -> list[tuple[int, int]]:
    """The operands at each place, -1 for one left out."""
    return list(zip_longest(ours.inputs, theirs.inputs, fillvalue=-1))


def _pairs(quantized: Model, float_model: Model) -> dict[int, int]:
    """Operators of equal code and result shape, in order: first those of equal names, then what lies between them."""
    ours, theirs = _operators(quantized), _operators(float_model)

    def named(model: Model) -> Callable[[int], Hashable]:
        return lambda i: (_kind(model, i), model.main.tensors[model.main.operators[i].outputs[0]].name)

    def unnamed(model: Model) -> Callable[[int], Hashable]:
        return lambda i: _kind(model, i)

    found: dict[int, int] = {}
    start = (0, 0)
    anchors = _blocks([*map(named(quantized), ours)], [*map(named(float_model), theirs)])
    for a, b in [*anchors, (len(ours), len(theirs))]:
        gap = ours[start[0] : a], theirs[start[1] : b]
        between = _blocks([*map(unnamed(quantized), gap[0])], [*map(unnamed(float_model), gap[1])])
        found.update((gap[0][i], gap[1][j]) for i, j in between)
        if a < len(ours):
            found[ours[a]] = theirs[b]
        start = (a + 1, b + 1)
    return found


def _operators(model: Model) -> list[int]:
    return [i for i, op in enumerate(model.main.operators) if op.code not in _STANDING_FOR and op.outputs]


def _kind(model: Model, operator: int) -> Hashable:
    op = model.main.operators[operator]
    return op.name, tuple(model.main.tensors[t].shape for t in op.outputs)


def _blocks(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return [(m.a + i, m.b + i) for m in matcher.get_matching_blocks() for i in range(m.size)]
