"""What a strict recipe does not let stay in float32."""

from __future__ import annotations

from qcore.errors import QuantizationError
from qcore.quantizer.program import Line, Value
from qcore.quantizer.weights.dynamic_range import LEAST_ELEMENTS, is_too_small, weights_of
from qcore.quantizer.weights.source import Source
from tflite_schema import TensorType

__all__ = ["require_four_bits", "require_small"]


def require_four_bits(source: Source) -> None:
    """QuantizationError if a weight has more than the 4 bits that were asked for."""
    left = [
        f"{source.place(line)} reads {value.tensor.name!r}"
        for line in source.program.lines
        for value in line.inputs
        if value is not None and value.quantized is not None and value.quantized.type == TensorType.INT8
    ]
    if left:
        raise QuantizationError(
            f"weights would stay in 8 bits: {', '.join(left)}; TFLite has no kernel for them in 4. Quantize without "
            "strict, or with 8 bits"
        )


def require_small(source: Source) -> None:
    """QuantizationError if a constant of at least 1024 elements is still float32, with each one and why."""
    left = []
    for value in source.floats:
        if value.tensor.size < LEAST_ELEMENTS or value.tensor.is_variable:
            continue
        reasons = [_reason(source, line, value) for line in source.program.lines if value in line.inputs]
        if value in source.program.outputs:
            reasons.append("the graph returns it")
        if reasons:
            left.append(f"{value.tensor.name!r} {list(value.tensor.shape)}: {'; '.join(reasons)}")
    if left:
        raise QuantizationError(
            f"subgraph {source.subgraph}: {len(left)} constants of {LEAST_ELEMENTS} or more elements would stay "
            f"float32: {', '.join(left)}. Quantize without strict, or with the recipe float16"
        )


def _reason(source: Source, line: Line, value: Value) -> str:
    place = source.place(line)
    if weights_of(line) is None:
        return f"{place} has no operand TensorFlow stores in int8"
    if is_too_small(source, line):
        return f"{place} has another weight with fewer than {LEAST_ELEMENTS} elements, and cannot mix"
    return f"{place} reads it as operand {line.inputs.index(value)}, which TensorFlow does not store in int8"
