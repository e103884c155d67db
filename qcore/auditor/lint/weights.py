"""Weights: symmetric, zero point 0, and in 8 bits within [-127, 127].

TFLite: kernels/conv.cc, depthwise_conv.cc, fully_connected.cc; 8-bit quantization specification
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject, looks_for, rules_of
from qcore.op import Node, NodeTensor
from qcore.rules import Weight
from tflite_schema import TensorType

__all__ = ["NARROW_RANGE", "WEIGHT_ZERO_POINT"]

WEIGHT_ZERO_POINT = Check("QL301", Severity.ERROR, "weight zero point is not 0")
NARROW_RANGE = Check("QL302", Severity.WARNING, "8-bit weights hold -128")

_SIGNED = (TensorType.INT8, TensorType.INT4, TensorType.INT2)


def _weights(subject: Subject) -> Iterator[tuple[Node, NodeTensor]]:
    """The signed weights of all operators."""
    for n in subject.nodes:
        rules = rules_of(n)
        for position, w in enumerate(n.inputs):
            if w is not None and w.type in _SIGNED and isinstance(rules.input(position), Weight):
                yield n, w


@looks_for(WEIGHT_ZERO_POINT)
def weight_zero_points(subject: Subject) -> Iterator[Finding]:
    for n, w in _weights(subject):
        zeros = np.zeros(0, np.int64) if w.quant is None else w.quant.zero_point
        if not zeros.any():
            continue
        channel = int(np.abs(zeros).argmax())
        zero = int(zeros[channel])
        refusal = subject.refusal(n)
        used = getattr(subject.params.get((n.subgraph, n.index)), "weight_zero_point", 0) == zero
        reacts = "the reference kernel subtracts it, XNNPACK does not" if used else "the kernel does not subtract it"
        message = f"channel {channel} of the weights has zero point {zero}"
        yield Finding.of(
            WEIGHT_ZERO_POINT,
            subject.place(n, w),
            f"{message}; TFLite refuses: {refusal}" if refusal else f"{message}; {reacts}",
            "quantize weights symmetrically: scale = max|w| / 127, zero point 0",
            channel=channel,
            zero_point=zero,
        )


@looks_for(NARROW_RANGE)
def lowest_integers(subject: Subject) -> Iterator[Finding]:
    for n, w in _weights(subject):
        if w.type != TensorType.INT8 or w.value is None:
            continue
        count = int(np.count_nonzero(w.value == -128))
        if count:
            message = f"{count} of {w.value.size} weights are -128; the narrow range is [-127, 127]"
            advice = "quantize weights to [-127, 127], as the specification asks"
            yield Finding.of(NARROW_RANGE, subject.place(n, w), message, advice, count=count, weights=int(w.value.size))
