"""What a quantized program must satisfy before it becomes a file."""

from __future__ import annotations

from qcore.errors import QuantizationError
from qcore.op import find
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.program import Line, Program, Value
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["require_integers", "require_one_scale"]

_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
_SHOWN = 5


def require_one_scale(plan: Plan, program: Program) -> None:
    """QuantizationError if operands and results of an operator that only moves data differ in scale.

    The converter cannot settle every contradiction between ranges; where it fails, it refuses the model as well.
    """
    for line in program.lines:
        if line.code in _CONVERSIONS or not find(line.code, line.operator.custom_code).rules.same_scale:
            continue
        types = list(dict.fromkeys(value.quantized for value in _values(line) if value.quantized is not None))
        if len(types) > 1:
            scales = " and ".join(f"{t.scale[0]:.6g} (zero point {t.zero_point[0]})" for t in types)
            raise QuantizationError(
                f"subgraph {plan.subgraph}, {_name(line)}: operands and results must share one scale, but their ranges "
                f"ask for {scales}; give them one range, or keep the operator in float with denylisted_nodes"
            )


def require_integers(plan: Plan, program: Program) -> None:
    """QuantizationError if an operator other than a conversion at the border computes in float."""
    left = [
        _name(line)
        for line in program.lines
        if line.code not in _CONVERSIONS and any(value.type == TensorType.FLOAT32 for value in _values(line))
    ]
    if left:
        shown = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else "")
        raise QuantizationError(
            f"subgraph {plan.subgraph}: {len(left)} operators would stay in float: {shown}; TensorFlow does not "
            f"quantize them to {plan.recipe.scheme}, or they are denylisted. Replace them, or quantize without strict"
        )


def _values(line: Line) -> list[Value]:
    return [*(value for value in line.inputs if value is not None), *line.outputs]


def _name(line: Line) -> str:
    return f"{line.operator.name} {line.outputs[0].tensor.name!r}" if line.outputs else line.operator.name
