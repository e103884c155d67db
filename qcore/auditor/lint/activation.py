"""Fused activations, in the integers of the result.

    q(f) = zero_point + round(f / scale)

TFLite: kernels/kernel_util.cc (CalculateActivationRangeQuantized)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject, looks_for, rules_of, scales_of, zero_point_of
from qcore.numerics.affine import ACTIVATION_BOUNDS, activation_range, integer_range
from qcore.op import Node
from tflite_schema import TensorType

__all__ = ["CLIPPED", "NO_EFFECT"]

CLIPPED = Check("QL501", Severity.WARNING, "fused activation leaves part of the integers unused")
NO_EFFECT = Check("QL502", Severity.NOTE, "fused activation can never act")

_ENOUGH, _LITTLE = 15 / 16, 1 / 4
_FAR = 100.0
"""How often the result's range must fit into the activation's. Small networks stay far below 6; that is no fault."""
_TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)


def _fused(subject: Subject) -> Iterator[tuple[Node, str, float, int]]:
    """Operators with a fused activation that has bounds: its name, the result's scale and zero point."""
    for n in subject.nodes:
        fused = getattr(n.operator.options, "fused_activation_function", None)
        name = getattr(fused, "name", "NONE")
        scales = scales_of(n.outputs[0]) if n.outputs else None
        if ACTIVATION_BOUNDS.get(name, (None, None)) != (None, None) and scales is not None:
            y, zero_point = n.outputs[0], zero_point_of(n.outputs[0])
            if y.type in _TYPES and integer_range(y.dtype)[0] <= zero_point <= integer_range(y.dtype)[1]:
                yield n, name, float(scales[0]), zero_point


@looks_for(CLIPPED)
def clipped_ranges(subject: Subject) -> Iterator[Finding]:
    for n, name, scale, zero_point in _fused(subject):
        y = n.outputs[0]
        low, high = integer_range(y.dtype)
        if y.type == TensorType.INT16 and ACTIVATION_BOUNDS[name][0] == 0:
            low = 0  # int16 is symmetric: there is no better scale for a result that is never negative
        try:
            first, last = activation_range(ACTIVATION_BOUNDS[name], scale, zero_point, y.dtype)
        except ValueError:
            continue  # a bound beyond 32 bits, which TFLite refuses
        kept = max(last - first + 1, 0) / (high - low + 1)
        if kept >= _ENOUGH or (last > first and _shared(subject, n)):
            continue
        message = (
            f"{name} leaves the integers {first} to {last}, {kept:.1%} of those of {y.type.name.lower()}; the result "
            f"has scale {scale:.9g} and zero point {zero_point}"
        )
        found = Finding.of(
            CLIPPED,
            subject.place(n, y),
            message,
            f"quantize the result for the range that {name} leaves",
            activation=name,
            lowest=first,
            highest=last,
            kept=kept,
        )
        severity = Severity.ERROR if last <= first else Severity.WARNING if kept <= _LITTLE else Severity.NOTE
        yield replace(found, severity=severity)


@looks_for(NO_EFFECT)
def idle_activations(subject: Subject) -> Iterator[Finding]:
    for n, name, scale, zero_point in _fused(subject):
        y, (lower, upper) = n.outputs[0], ACTIVATION_BOUNDS[name]
        low, high = (scale * (q - zero_point) for q in integer_range(y.dtype))
        if upper is None or high * _FAR > upper or (lower and low * _FAR < lower):
            continue
        message = f"{name} ends at {upper:g}, but the result's scale {scale:.9g} reaches up to {high:.9g} only"
        yield Finding.of(
            NO_EFFECT,
            subject.place(n, y),
            message,
            "check the result's range: too little data in calibration, or an activation that is not needed",
            activation=name,
            lowest=low,
            highest=high,
        )


def _shared(subject: Subject, n: Node) -> bool:
    """Whether the result has its parameters in common with other values: CONCATENATION and the like ask for that."""
    reached = {n.outputs[0].index}
    for other in subject.nodes:
        if other.subgraph != n.subgraph or reached.isdisjoint(other.operator.inputs) or not rules_of(other).same_scale:
            continue
        values = {t.index for t in other.inputs if t is not None and t.value is None and t.type == n.outputs[0].type}
        if len(values) > 1:
            return True
        reached.update(other.operator.outputs)
    return False
