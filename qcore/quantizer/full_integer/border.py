"""The types of graph inputs and outputs, and what becomes of the conversions at the border.

    float32   QUANTIZE after each input and DEQUANTIZE before each output stay
    int8      they go, and the graph starts and ends with the integers themselves
    uint8     the input is uint8 with the same scale and zero point + 128, a QUANTIZE makes it int8; outputs likewise
An input that no QUANTIZE reads, and an output that no DEQUANTIZE writes, keep their type; with the converter of
TensorFlow 1 also an output that an operator reads in float.
TensorFlow: modify_io_nodes.cc, optimize_op_order.cc, post_quantize.cc
"""

from __future__ import annotations

from dataclasses import replace

from qcore.quantizer.program import Line, Program, Value, conversion
from qcore.quantizer.push_down import push_down
from qcore.quantizer.quantized_type import QuantizedType
from qcore.quantizer.recipe import TENSORFLOW_1, Recipe
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["settle_border", "shorten"]

QUANTIZE, DEQUANTIZE = BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE


def shorten(program: Program) -> None:
    """Let data be moved in integers rather than in floats, and drop conversions that undo each other."""
    push_down(program)
    _drop_round_trips(program)
    _drop_unread(program)


def settle_border(program: Program, recipe: Recipe, *, entry: bool) -> None:
    """Give inputs and outputs their types, and drop the conversions that are no longer needed."""
    if entry and recipe.input_type != TensorType.FLOAT32:
        program.inputs = [_input(program, value, recipe.input_type) for value in program.inputs]
    if entry and recipe.output_type != TensorType.FLOAT32:
        alone = recipe.scheme in TENSORFLOW_1
        program.outputs = [_output(program, value, recipe.output_type, alone=alone) for value in program.outputs]
    _drop_pairs(program)
    _drop_unread(program)


def _input(program: Program, value: Value, type_: TensorType) -> Value:
    readers = program.readers().get(value, [])
    if len(readers) != 1 or readers[0] is None or readers[0].code != QUANTIZE:
        return value
    made = readers[0].outputs[0]
    assert made.quantized is not None
    border = Value(value.name, value.tensor, _as(made.quantized, type_))
    if type_ == made.type:
        program.lines.remove(readers[0])
        program.replace(made, border)
    else:
        readers[0].inputs = [border]
    return border


def _output(program: Program, value: Value, type_: TensorType, *, alone: bool) -> Value:
    maker = next((line for line in program.lines if value in line.outputs), None)
    if maker is None or maker.code != DEQUANTIZE or (alone and len(program.readers()[value]) > 1):
        return value
    source = maker.inputs[0]
    assert source is not None
    assert source.quantized is not None
    if type_ == source.type:
        return source
    border = Value(value.name, value.tensor, _as(source.quantized, type_))
    program.lines.append(conversion(QUANTIZE, source, border))
    return border


def _as(quantized: QuantizedType, type_: TensorType) -> QuantizedType:
    """The same real numbers in another 8-bit type."""
    shift = 128 * ((type_ == TensorType.UINT8) - (quantized.type == TensorType.UINT8))
    return replace(quantized, type=type_, zero_point=tuple(z + shift for z in quantized.zero_point))


def _drop_round_trips(program: Program) -> None:
    """A QUANTIZE of what was just dequantized goes, unless it undoes another QUANTIZE to a different type."""
    makers = {value: line for line in program.lines for value in line.outputs}
    for line in [line for line in program.lines if line.code == QUANTIZE]:
        source, result = line.inputs[0], line.outputs[0]
        before = makers.get(source) if source is not None else None
        if before is None or before.code != DEQUANTIZE:
            continue
        integer = before.inputs[0]
        assert integer is not None
        origin = makers.get(integer)
        if origin is None or origin.code != QUANTIZE or integer.quantized == result.quantized:
            program.replace(result, integer)


def _drop_pairs(program: Program) -> None:
    """A DEQUANTIZE of a removable QUANTIZE goes: its readers read what was quantized."""
    makers = {value: line for line in program.lines for value in line.outputs}
    for line in program.lines:
        if line.code != DEQUANTIZE:
            continue
        source = line.inputs[0]
        maker = makers.get(source) if source is not None else None
        if maker is None or not maker.removable:
            continue
        before = maker.inputs[0]
        assert before is not None
        if before.quantized is not None:
            line.inputs = [before]
        else:
            program.replace(line.outputs[0], before)


def _drop_unread(program: Program) -> None:
    """Drop conversions nothing reads."""
    read = set(program.outputs)
    kept: list[Line] = []
    for line in reversed(program.lines):
        if line.code in (QUANTIZE, DEQUANTIZE) and not read.intersection(line.outputs):
            continue
        read.update(value for value in line.inputs if value is not None)
        kept.append(line)
    program.lines = kept[::-1]
