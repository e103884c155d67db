"""Parameters that an operator prescribes: fixed ones of its result, or those of an operand.

TFLite: kernels/activations.cc, l2norm.cc, log_softmax.cc; 8-bit quantization specification ("same scale")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import INTEGERS, Subject, looks_for, rules_of, scales_of, zero_point_of
from qcore.op import Node, NodeTensor
from qcore.rules import Constraint, Fixed, SameAs
from tflite_schema import TensorType

__all__ = ["FIXED", "SAME_SCALE"]

FIXED = Check("QL401", Severity.ERROR, "result has other parameters than the specification fixes")
SAME_SCALE = Check("QL402", Severity.ERROR, "operand and result of a same-scale operator have different parameters")

_ROUNDING = 2.0**-20
_RESCALES = {"CONCATENATION": (TensorType.UINT8,), "SUM": tuple(INTEGERS)}
"""Kernels that bring their operands to the result's parameters all the same, by type."""


@looks_for(FIXED)
def fixed_results(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        rules = rules_of(n)
        x = n.optional_input(0)
        for position, y in enumerate(n.outputs):
            constraint = rules.output(position)
            if x is not None and x.type != y.type:
                continue  # SOFTMAX of int8 to int16 has parameters of its own
            fixed = constraint.by_type.get(y.type.name.lower()) if isinstance(constraint, Fixed) else None
            scales = scales_of(y)
            if fixed is None or scales is None:
                continue
            scale, zero = fixed
            stated = zero_point_of(y)
            refusal = subject.refusal(n)
            off = abs(scales[0] / scale - 1)
            if off > (_ROUNDING if refusal else _TOLERATED) or stated != zero:
                message = (
                    f"the result has scale {scales[0]:.9g} and zero point {stated}; the specification fixes "
                    f"{scale:.9g} and {zero}"
                )
                reacts = f"TFLite refuses: {refusal}" if refusal else "TFLite's kernel works with what the file states"
                found = Finding.of(
                    FIXED,
                    subject.place(n, y),
                    f"{message}; {reacts}",
                    f"give the result scale {scale:.9g} and zero point {zero}, and requantize after it where needed",
                    scale=float(scales[0]),
                    zero_point=stated,
                    fixed_scale=scale,
                    fixed_zero_point=zero,
                )
                yield found if refusal else replace(found, severity=Severity.WARNING)


_TOLERATED = 1e-3
"""SOFTMAX takes a scale that is this far off, relative; nobody's 8 bits can tell."""


def _pairs(n: Node) -> Iterator[tuple[NodeTensor, NodeTensor]]:
    """(tensor, the one whose parameters it should have)."""
    rules = rules_of(n)
    constraints: list[tuple[NodeTensor | None, Constraint]] = [(t, rules.input(i)) for i, t in enumerate(n.inputs)]
    constraints += [(t, rules.output(i)) for i, t in enumerate(n.outputs)]
    for tensor, constraint in constraints:
        if isinstance(constraint, SameAs) and tensor is not None:
            other = n.optional_input(constraint.operand)
            if other is not None and other.index != tensor.index:
                yield tensor, other


@looks_for(SAME_SCALE)
def same_scales(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        for tensor, other in _pairs(n):
            a, b = scales_of(tensor), scales_of(other)
            if tensor.type != other.type or tensor.type not in INTEGERS or a is None or b is None:
                continue
            if tensor.type in _RESCALES.get(n.name, ()):
                continue
            zeros = zero_point_of(tensor), zero_point_of(other)
            refusal = subject.refusal(n)
            off = float(abs(a[0] / b[0] - 1))
            if a.size == b.size and zeros[0] == zeros[1] and (off == 0 or (off <= _ROUNDING and not refusal)):
                continue
            message = (
                f"scale {a[0]:.9g} and zero point {zeros[0]}, but tensor {other.index} {other.name} has {b[0]:.9g} and "
                f"{zeros[1]}"
            )
            reacts = f"TFLite refuses: {refusal}" if refusal else "the kernel moves integers and does not rescale them"
            yield Finding.of(
                SAME_SCALE,
                subject.place(n, tensor),
                f"{message}; {reacts}",
                "give both the same parameters, or put a QUANTIZE between",
                scale=float(a[0]),
                zero_point=zeros[0],
                other_scale=float(b[0]),
                other_zero_point=zeros[1],
                other_tensor=other.index,
            )
