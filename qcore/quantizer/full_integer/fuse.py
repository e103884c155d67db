"""What the converter joins after it has quantized: operators that a conversion stood between before.

    RELU, RELU6, RELU_N1_TO_1     go into the operator before, as its fused activation
    RESHAPE                       before or after FULLY_CONNECTED goes where it keeps the last dimension
    RESHAPE                       after a reduction goes where it only gives the reduced dimensions back
    PAD                           before a convolution goes where it pads as padding SAME does
In a float model the converter has done so before; fake quantization between two operators keeps them apart until then.
TensorFlow: optimize_pass.cc, optimize_patterns.td
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qcore.ir import Model
from qcore.quantizer.program import Line, Program, Value
from tflite_schema import ActivationFunctionType, BuiltinOperator, Padding

__all__ = ["fuse"]

CODE = BuiltinOperator
_ACTIVATIONS = {code: ActivationFunctionType[code.name] for code in (CODE.RELU, CODE.RELU6, CODE.RELU_N1_TO_1)}
_ARITHMETIC = (CODE.ADD, CODE.SUB, CODE.MUL, CODE.DIV)
_REDUCTIONS = (CODE.MEAN, CODE.SUM, CODE.REDUCE_MAX, CODE.REDUCE_MIN, CODE.REDUCE_PROD)
_FUSING = (
    *(CODE.CONV_2D, CODE.DEPTHWISE_CONV_2D, CODE.FULLY_CONNECTED, CODE.AVERAGE_POOL_2D, CODE.MAX_POOL_2D),
    *_ARITHMETIC,
)


def fuse(program: Program, model: Model) -> None:
    """Join operators of a program, in place; `model` holds the constants."""
    fuser = _Fuser(program, model)
    changed = True
    while changed:
        changed = any(fuser.visit(line) for line in program.lines)


class _Fuser:
    def __init__(self, program: Program, model: Model) -> None:
        self.program, self.model = program, model

    def visit(self, line: Line) -> bool:
        """Whether this line was joined with the one that makes its first operand."""
        steps: dict[BuiltinOperator, Callable[[Line, Line], bool]] = dict.fromkeys(_ACTIVATIONS, self._activation)
        steps[CODE.FULLY_CONNECTED] = self._reshape_before
        steps[CODE.RESHAPE] = self._reshape_after
        steps[CODE.CONV_2D] = steps[CODE.DEPTHWISE_CONV_2D] = self._pad_before
        step = steps.get(line.code)
        first = line.inputs[0] if line.inputs else None
        before = next((other for other in self.program.lines if first in other.outputs), None)
        if step is None or before is None or not step(line, before):
            return False
        if not any(self.program.readers().get(value) for value in before.outputs):
            self.program.lines.remove(before)
        return True

    def _readers(self, value: Value) -> int:
        return len(self.program.readers().get(value, []))

    def _activation(self, line: Line, before: Line) -> bool:
        options = before.operator.options
        dense = before.code == CODE.FULLY_CONNECTED
        if (
            before.code not in _FUSING
            or options is None
            or options.fused_activation_function != ActivationFunctionType.NONE
            or (not dense and self._readers(before.outputs[0]) != 1)
        ):
            return False
        names = (before.outputs[0].name, line.outputs[0].name)
        line.outputs[0].name = ";".join(names if dense else names[::-1])
        fused = options.replace(fused_activation_function=_ACTIVATIONS[line.code])
        line.operator, line.inputs = replace(before.operator, options=fused), list(before.inputs)
        return True

    def _reshape_before(self, line: Line, before: Line) -> bool:
        result, options = line.outputs[0].tensor, line.operator.options
        if before.code != CODE.RESHAPE or options is None or not _is_static(before, line):
            return False
        source, reshaped = before.inputs[0], before.outputs[0].tensor
        assert source is not None
        shape = source.tensor.shape
        if not shape or not reshaped.shape or shape[-1] != reshaped.shape[-1]:
            return False
        if options.keep_num_dims:
            squeezes = len(shape) >= 3 and len(reshaped.shape) == 2 and shape[-2:] == reshaped.shape
            if not squeezes:
                return False
            line.operator = replace(line.operator, options=options.replace(keep_num_dims=False))
        elif len(result.shape) != 2:
            return False
        line.inputs = [source, *line.inputs[1:]]
        return True

    def _reshape_after(self, line: Line, before: Line) -> bool:
        if before.code in _REDUCTIONS:
            return self._keep_dims(line, before)
        options = before.operator.options
        if before.code != CODE.FULLY_CONNECTED or options is None or options.keep_num_dims:
            return False
        if self._readers(before.outputs[0]) != 1 or not _is_static(before, line):
            return False
        source, shape = before.inputs[0], line.outputs[0].tensor.shape
        assert source is not None
        if not shape or shape[-1] != before.outputs[0].tensor.shape[-1] or shape[:-1] != source.tensor.shape[:-1]:
            return False
        line.operator = replace(before.operator, options=options.replace(keep_num_dims=True))
        line.inputs = list(before.inputs)
        return True

    def _keep_dims(self, line: Line, before: Line) -> bool:
        source, axes, options = before.inputs[0], before.inputs[1], before.operator.options
        assert source is not None
        assert axes is not None
        reduced, shape = self.model.constant(axes.tensor), source.tensor.shape
        if options is None or options.keep_dims or reduced is None or self._readers(before.outputs[0]) != 1:
            return False
        kept = tuple(1 if axis in reduced else size for axis, size in enumerate(shape))  # no axis counted from the end
        if not _is_static(before, line) or line.outputs[0].tensor.shape != kept:
            return False
        line.operator = replace(before.operator, options=options.replace(keep_dims=True))
        given = [value.tensor.name for value in line.inputs[1:] if value is not None]
        names = (line.outputs[0].name, axes.tensor.name, before.outputs[0].name, *given)
        line.outputs[0].name = ";".join(name for name in names if name)
        # TensorFlow makes the axes anew: called as the result, or not at all where one constant serves several.
        axes.name = line.outputs[0].name if self._readers(axes) == 1 else ""
        line.inputs = list(before.inputs)
        return True

    def _pad_before(self, line: Line, before: Line) -> bool:
        options = line.operator.options
        if before.code != CODE.PAD or options is None or options.padding != Padding.VALID:
            return False
        source, amounts, weights = before.inputs[0], before.inputs[1], line.inputs[1]
        assert source is not None
        assert amounts is not None
        assert weights is not None
        paddings = self.model.constant(amounts.tensor)
        if paddings is None or not _is_static(before, line) or paddings.shape != (4, 2) or not paddings.any():
            return False
        if paddings[[0, 3]].any():
            return False
        strides = (options.stride_h, options.stride_w)
        dilations = (options.dilation_h_factor, options.dilation_w_factor)
        for axis in (1, 2):
            size, stride = source.tensor.shape[axis], int(strides[axis - 1])
            reach = (weights.tensor.shape[axis] - 1) * int(dilations[axis - 1]) + 1
            total = max((-(-size // stride) - 1) * stride + reach - size, 0)
            if tuple(paddings[axis]) != (total // 2, total - total // 2):
                return False
        line.operator = replace(line.operator, options=options.replace(padding=Padding.SAME))
        line.outputs[0].name = ";".join((line.outputs[0].name, amounts.name, before.outputs[0].name))
        line.inputs = [source, *line.inputs[1:]]
        return True


def _is_static(*lines: Line) -> bool:
    """Whether all shapes are known."""
    values = [value for line in lines for value in (*line.inputs, *line.outputs) if value is not None]
    return not any(-1 in (value.tensor.shape_signature or ()) for value in values)
