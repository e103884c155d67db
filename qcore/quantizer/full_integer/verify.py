"""What a quantized program must satisfy before it becomes a file."""

from __future__ import annotations

import warnings

from qcore.errors import QuantizationError
from qcore.op import find
from qcore.quantizer.four_bits import FOUR_BIT_WEIGHTS
from qcore.quantizer.full_integer.plan import Plan
from qcore.quantizer.program import Line, Program, Value
from qcore.rules import State, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = [
    "QuantizationWarning",
    "require_four_bits",
    "require_integers",
    "require_kernels",
    "require_one_scale",
    "warn_of_states",
]

_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
_SHOWN = 5


class QuantizationWarning(UserWarning):
    """The file is the converter's, but TFLite computes it wrongly or not at all."""


def require_one_scale(plan: Plan, program: Program) -> None:
    """QuantizationError if operands and results of an operator that only moves data differ in scale.

    The converter cannot settle every contradiction between ranges; where it fails, it refuses the model as well.
    """
    for line in program.lines:
        same_scale = find(line.code, line.operator.custom_code).rules.same_scale
        if line.code in _CONVERSIONS or not same_scale or plan.rescales(line.operator):
            continue
        types = list(dict.fromkeys(value.quantized for value in _values(line) if value.quantized is not None))
        if len(types) > 1:
            scales = " and ".join(f"{t.scale[0]:.6g} (zero point {t.zero_point[0]})" for t in types)
            raise QuantizationError(
                f"subgraph {plan.subgraph}, {_name(line)}: operands and results must share one scale, but their ranges "
                f"ask for {scales}; give them one range, or keep the operator in float with denylisted_nodes"
            )


def require_kernels(plan: Plan, program: Program) -> None:
    """QuantizationError for scales per channel, or 4-bit integers, where TFLite has no kernel for them.

    Scales per channel: of signed weights along the operator's channel axis, and of biases. 4 bits: weights of CONV_2D,
    DEPTHWISE_CONV_2D and FULLY_CONNECTED.
    """
    for line in program.lines:
        rules = find(line.code, line.operator.custom_code).rules
        operands = [(rules.input(position), value) for position, value in enumerate(line.inputs) if value is not None]
        for constraint, value in [*operands, *((None, value) for value in line.outputs)]:
            quantized = value.quantized
            if quantized is None or quantized.type == TensorType.INT32:
                continue
            axis = constraint.axis if isinstance(constraint, Weight) else None
            kept = axis if quantized.type != TensorType.UINT8 else None
            per_channel = quantized.quantized_dimension is not None and quantized.quantized_dimension != kept
            has_kernel = axis is not None and line.code in FOUR_BIT_WEIGHTS["int8"]
            four_bits = quantized.type == TensorType.INT4 and not has_kernel
            if per_channel or four_bits:
                what = "a scale per channel" if per_channel else "4-bit integers"
                raise QuantizationError(
                    f"subgraph {plan.subgraph}, {_name(line)}: tensor {value.tensor.name!r} would have "
                    f"{what}, for which TFLite has no kernel; fake-quantize it per tensor and to 8 bits"
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


def require_four_bits(plan: Plan, program: Program) -> None:
    """QuantizationError if a weight of an operator in integers has more than the 4 bits that were asked for."""
    left = {}
    for line in program.lines:
        rules = find(line.code, line.operator.custom_code).rules.of(line.operator)
        for position, value in enumerate(line.inputs):
            wide = value is not None and value.quantized is not None and value.quantized.type != TensorType.INT4
            if wide and isinstance(rules.input(position), Weight):
                left[_name(line)] = line.operator.name
    if left:
        raise QuantizationError(
            f"subgraph {plan.subgraph}: weights of {', '.join(left)} would stay in 8 bits: TFLite's kernels of "
            f"{', '.join(sorted(set(left.values())))} take no others here. Quantize without strict, or with 8 bits"
        )


def warn_of_states(plan: Plan, program: Program) -> None:
    """Warn (QuantizationWarning) of integer operators with a state that TFLite cannot run as the file says.

    Its kernel for LSTMs takes the parameters of the result from the state, needs a cell state between 0.5 and 64 and,
    with layer normalization, a scale for every gate's intermediate tensor; what it is not given it does without.
    """
    for line in program.lines:
        rules = find(line.code, line.operator.custom_code).rules.of(line.operator)
        source = line.inputs[0] if line.inputs else None
        if not rules.stateful or source is None or source.quantized is None:
            continue
        for position, value in enumerate(line.inputs):
            constraint = rules.input(position)
            if value is None or value.quantized is None or not isinstance(constraint, State):
                continue
            scale = value.quantized.scale[0]
            if constraint.result is not None and line.outputs[constraint.result].quantized != value.quantized:
                written = line.outputs[constraint.result].quantized
                assert written is not None
                _warn(
                    plan,
                    line,
                    f"its result has scale {written.scale[0]:.6g}, which an operator that joins it with others asks "
                    f"for, its state {scale:.6g}; TFLite writes the result in the state's scale, so that it is read "
                    "wrongly. Give both one range, or keep the operator in float",
                )
            if constraint.power_of_two and not 2.0**-15 <= scale <= 2.0**-9:
                _warn(
                    plan,
                    line,
                    f"its cell state has scale {scale:.6g}, and TFLite takes 2^-15 to 2^-9 only. Give the state a "
                    "range between 0.5 and 64, or keep the operator in float",
                )
        gates = [value.quantized for value in line.intermediates[:4]]
        if any(gates) and not all(gates):
            _warn(plan, line, "TFLite cannot run layer normalization in integers without an input gate; it answers 0")


def _warn(plan: Plan, line: Line, message: str) -> None:
    warnings.warn(f"subgraph {plan.subgraph}, {_name(line)}: {message}", QuantizationWarning, stacklevel=5)


def _values(line: Line) -> list[Value]:
    return [*(value for value in line.inputs if value is not None), *line.outputs]


def _name(line: Line) -> str:
    return f"{line.operator.name} {line.outputs[0].tensor.name!r}" if line.outputs else line.operator.name
