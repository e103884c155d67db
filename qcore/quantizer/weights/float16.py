"""float16: every float32 constant is stored in half precision; a DEQUANTIZE makes it float32 while the model runs.

    h = float16(clamp(w, -65504, 65504)), rounded half to even; NaN stays NaN

Operators compute in float32 as before. All operators that read a constant share its DEQUANTIZE. A constant that a graph
returns stays as it is, unless the graph is part of a loop. Variables, which are zero at first, are treated alike.
TensorFlow: prepare_quantize_dynamic_range.cc
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Tensor
from qcore.quantizer.program import Line, Value, conversion
from qcore.quantizer.weights.source import Block, Source
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["half_precision", "store_in_half_precision", "store_late_states"]

_LIMIT = 65504.0


def half_precision(numbers: NDArray[Any]) -> NDArray[np.float16]:
    """The float16 nearest to each float32; what is too large, infinity included, becomes the largest float16."""
    return np.clip(numbers, -_LIMIT, _LIMIT).astype(np.float16)


def store_in_half_precision(source: Source, constants: Block, *, is_loop: bool) -> Block:
    """Let operators read halves through DEQUANTIZE; the new constants and conversions in their first order."""
    program = source.program
    block: Block = []
    stored: dict[tuple[Any, ...], Value] = {}
    for item in constants:
        numbers = source.floats.get(item) if isinstance(item, Value) else None
        if numbers is None:
            block.append(item)
            continue
        assert isinstance(item, Value)
        is_returned = item in program.outputs and not is_loop
        if is_returned:
            block.append(item)
        if is_returned and not any(item in line.inputs for line in program.lines):
            continue
        half = half_precision(numbers)
        key = (half.shape, half.tobytes())
        if key in stored:  # equal after rounding: one constant, which then has no name
            stored[key].name = ""
        else:
            stored[key] = Value(item.name, _stored(item.tensor), constant=half)
            block.append(stored[key])
        single = Value(item.name, replace(item.tensor, buffer=0))
        for line in program.lines:
            line.inputs = [single if value is item else value for value in line.inputs]
        if not is_returned:
            program.outputs = [single if value is item else value for value in program.outputs]
        block.append(conversion(BuiltinOperator.DEQUANTIZE, stored[key], single))
    return block


def store_late_states(source: Source) -> None:
    """Let operators read the variables that are no part of the block through a DEQUANTIZE right before them."""
    lines: list[Line] = []
    for line in source.program.lines:
        for position, value in enumerate(line.inputs):
            if value is None or not value.tensor.is_variable or value in source.floats:
                continue
            if value.type == TensorType.FLOAT32:
                zeros = half_precision(np.zeros(value.tensor.shape, np.float32))
                half = Value("", _stored(value.tensor), constant=zeros)
                line.inputs[position] = single = Value("", value.tensor)
                lines.append(conversion(BuiltinOperator.DEQUANTIZE, half, single))
        lines.append(line)
    source.program.lines = lines


def _stored(tensor: Tensor) -> Tensor:
    return replace(tensor, type=TensorType.FLOAT16, is_variable=False)
