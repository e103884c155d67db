"""Biases: int32 (int64 with int16 activations), zero point 0, scale = input scale * weight scale.

The integer kernels never read a bias's scale: they add its integers to an accumulator that counts in units of input
scale * weight scale. A bias that was stored in other units is a wrong bias.

TFLite: kernels/kernel_util.cc (GetQuantizedConvolutionMultipler); reference/integer_ops/conv.h
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject, looks_for, op_of, rules_of, scales_of
from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import round_half_away
from qcore.op import Node, NodeTensor
from qcore.rules import Bias
from tflite_schema import TensorType

__all__ = ["BIAS_SCALE", "BIAS_ZERO_POINT", "biases", "expected_scale", "requantized", "without_zero_point"]

BIAS_SCALE = Check("QL201", Severity.ERROR, "bias scale is not input scale times weight scale")
BIAS_ZERO_POINT = Check("QL202", Severity.ERROR, "bias zero point is not 0")
NARROW_BIAS = Check("QL203", Severity.ERROR, "int32 bias of int16 activations without the option that says so")

_WIDE = (TensorType.INT32, TensorType.INT64)
_ROUNDING = 4 * 2.0**-23
"""Converters round the product, and sometimes its factors, to float32: this much, relative, is no difference."""
_MISREAD = 0.01
_REFUSED = 0.02
"""Of the output's scale: TFLite refuses an 8-bit unsigned operator whose bias scale is further off."""


def biases(n: Node) -> Iterator[tuple[NodeTensor, Bias]]:
    """The integer biases of a node."""
    for position, constraint in rules_of(n).biases.items():
        tensor = n.optional_input(position)
        if tensor is not None and tensor.type in _WIDE:
            yield tensor, constraint


def expected_scale(n: Node, constraint: Bias) -> NDArray[np.float64] | None:
    """The product of scales that a bias counts in, [1] or [channels], in float64; None where a factor is missing."""
    factors = [scales_of(n.optional_input(position)) for position in constraint.of]
    if constraint.intermediate is not None:
        inside = n.operator.intermediates
        found = [t for t in n.intermediates if constraint.intermediate < len(inside)]
        factors.append(next((scales_of(t) for t in found if t.index == inside[constraint.intermediate]), None))
    product = np.full(1, float(constraint.factor))
    for factor in factors:
        if factor is None or (factor.size > 1 and product.size > 1 and factor.size != product.size):
            return None
        product = product * factor
    return product


def requantized(
    bias: NodeTensor, stated: NDArray[np.float64] | None, expected: NDArray[np.float64]
) -> NDArray[Any] | None:
    """The integers that stand for the same biases in the expected scale; None where they do not fit, or are unknown.

    Without a stated scale they are the integers as they are.
    """
    scale = expected.astype(np.float32).astype(np.float64)
    if bias.value is None or not (np.isfinite(scale) & (scale > 0)).all():
        return None
    if stated is None:
        return bias.value
    ratio = stated / scale
    if ratio.size not in (1, bias.value.size):
        return None
    return _fitting(round_half_away(bias.value.reshape(-1) * ratio), bias)


def without_zero_point(bias: NodeTensor) -> NDArray[Any] | None:
    """The integers less their zero point; None where they do not fit, or are unknown."""
    if bias.value is None or bias.quant is None or bias.quant.zero_point.size not in (1, bias.value.size):
        return None
    return _fitting(bias.value.reshape(-1).astype(np.float64) - bias.quant.zero_point, bias)


def _fitting(values: NDArray[np.float64], bias: NodeTensor) -> NDArray[Any] | None:
    """As the bias's type and shape; None for numbers beyond it, or that float64 does not hold."""
    if values.size != np.prod(bias.shape) or not (np.abs(values) < min(2.0**53, integer_range(bias.dtype)[1])).all():
        return None
    return values.astype(bias.dtype).reshape(bias.shape)


@looks_for(BIAS_SCALE)
def bias_scales(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        for bias, constraint in biases(n):
            expected = expected_scale(n, constraint)
            finding = None if expected is None else _compare(subject, n, bias, expected)
            if finding is not None:
                yield finding


def _compare(subject: Subject, n: Node, bias: NodeTensor, expected: NDArray[np.float64]) -> Finding | None:
    stated = scales_of(bias)
    if stated is None and bias.quant is not None and bias.quant.is_quantized:
        return None  # a scale that is no positive number: QL101
    if stated is None:
        message = f"the bias states no scale, expected {expected[0]:.9g} = input scale * weight scale"
        return _finding(subject, n, bias, message, Severity.WARNING, stated, expected)
    if stated.size not in (1, expected.size) and expected.size != 1:
        return None  # no number of channels: QL002
    off = np.abs(stated - expected) / expected
    if off.max() <= _ROUNDING:
        return None
    channel = int(off.argmax())
    one, wanted = (float(np.broadcast_to(v, off.shape)[channel]) for v in (stated, expected))
    steps = _misread(n, bias, stated, expected)
    message = f"channel {channel} has bias scale {one:.9g}, expected {wanted:.9g} = input scale * weight scale"
    if steps is not None:
        message += f"; the kernel adds a bias that is off by up to {steps:.3g} steps of the output"
    severity = Severity.ERROR
    if steps is not None and not _refused(n, stated, expected):
        slight = steps < 0.5 and off.max() <= _MISREAD
        severity = Severity.NOTE if slight else Severity.WARNING if steps == 0 else Severity.ERROR
    return _finding(subject, n, bias, message, severity, stated, expected, channel=channel, output_steps=steps)


def _finding(
    subject: Subject,
    n: Node,
    bias: NodeTensor,
    message: str,
    severity: Severity,
    stated: NDArray[np.float64] | None,
    expected: NDArray[np.float64],
    **evidence: Any,
) -> Finding:
    found = Finding.of(
        BIAS_SCALE,
        subject.place(n, bias),
        message,
        "store round(bias / (input scale * weight scale)) with that scale",
        fixable=requantized(bias, stated, expected) is not None,
        stated=None if stated is None else stated.tolist(),
        expected=expected.tolist(),
        **evidence,
    )
    return replace(found, severity=severity)


def _misread(n: Node, bias: NodeTensor, stated: NDArray[np.float64], expected: NDArray[np.float64]) -> float | None:
    """The largest |bias * (stated - expected)| in steps of the output; None where a number for it is missing."""
    y = scales_of(n.outputs[0]) if n.outputs else None
    difference = np.abs(stated - expected)
    if y is None or bias.value is None or difference.size not in (1, bias.value.size) or not bias.value.size:
        return None
    return float((np.abs(bias.value.reshape(-1).astype(np.float64)) * difference).max() / y[0])


def _refused(n: Node, stated: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    """Whether TFLite does not run the node for its bias scale: it looks at it where operands are uint8."""
    y, x = scales_of(n.outputs[0]) if n.outputs else None, n.optional_input(0)
    unsigned = x is not None and x.type == TensorType.UINT8
    return unsigned and y is not None and bool(abs(stated[0] - expected[0]) > _REFUSED * y[0])


@looks_for(BIAS_ZERO_POINT)
def bias_zero_points(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        for bias, _ in biases(n):
            zeros = np.zeros(0, np.int64) if bias.quant is None else bias.quant.zero_point
            if zeros.any():
                worst = int(zeros[np.abs(zeros).argmax()])
                message = f"the bias has zero point {worst}; kernels add its integers as they are"
                yield Finding.of(
                    BIAS_ZERO_POINT,
                    subject.place(n, bias),
                    message,
                    "subtract the zero point from the integers, and store 0",
                    fixable=without_zero_point(bias) is not None,
                    zero_point=worst,
                )


@looks_for(NARROW_BIAS)
def narrow_biases(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        op, stated = op_of(n), getattr(n.operator.options, "quantized_bias_type", None)
        x = None if op is None else n.optional_input(op.typed_by)
        for bias, _ in biases(n):
            wide = x is not None and x.type == TensorType.INT16
            if wide and bias.type == TensorType.INT32 != stated:
                message = (
                    "the bias is int32; with int16 activations kernels take int64 unless quantized_bias_type is INT32"
                )
                yield Finding.of(
                    NARROW_BIAS,
                    subject.place(n, bias),
                    message,
                    "store the same integers as int64",
                    fixable=bias.value is not None,
                    quantized_bias_type=None if stated is None else stated.name,
                )
