"""DEQUANTIZE moves behind operators that only move data and shrink it, so that less data are float.

TensorFlow: optimize_op_order.cc
"""

from __future__ import annotations

from qcore.op import find
from qcore.quantizer.program import Line, Program, Value
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["push_down"]


def push_down(program: Program) -> None:
    """Let a float operator that only moves data and shrinks it work on integers, and dequantize after it."""
    changed = True
    while changed:
        changed = False
        readers = program.readers()
        for line in program.lines:
            if line.code == BuiltinOperator.DEQUANTIZE and _push_one(program, line, readers.get(line.outputs[0], [])):
                changed = True
                break


def _push_one(program: Program, line: Line, readers: list[Line | None]) -> bool:
    reader = readers[0] if len(readers) == 1 else None
    if reader is None or len(reader.outputs) != 1:
        return False
    source, result = line.inputs[0], reader.outputs[0]
    assert source is not None
    if source.type == TensorType.FLOAT16:
        return False
    moves_data = find(reader.code, reader.operator.custom_code).rules.same_scale
    if not moves_data or source.tensor.size <= result.tensor.size:
        return False
    integer = Value(result.name, result.tensor, source.quantized)
    dequantized = Value(line.outputs[0].name, result.tensor)
    program.replace(result, dequantized)
    reader.inputs = [source if value is line.outputs[0] else value for value in reader.inputs]
    reader.outputs = [integer]
    line.inputs, line.outputs, line.early = [integer], [dequantized], False
    program.lines.remove(line)
    program.lines.insert(program.lines.index(reader) + 1, line)
    return True
