"""The form of the graph: what it refers to exists, parameters fit the tensors, axes are those that kernels read.

TFLite: core/interpreter_builder.cc (ParseQuantization); core/subgraph.cc (GetLegacyQuantization);
kernels/kernel_util.cc (PopulateConvolutionQuantizationParams)
"""

from __future__ import annotations

from collections.abc import Iterator

from qcore.auditor.finding import Check, Finding, Place, Severity
from qcore.auditor.lint.probe import INTEGERS, Subject, looks_for, rules_of
from qcore.rules import Weight
from qcore.wellformed import Fault, faults
from tflite_schema import BuiltinOperator

__all__ = ["AXIS", "FORM", "NUMBER_OF_SCALES", "PER_CHANNEL_ACTIVATION"]

FORM = Check("QL001", Severity.ERROR, "the graph contradicts itself")
NUMBER_OF_SCALES = Check("QL002", Severity.ERROR, "quantized_dimension or number of scales does not fit the tensor")
AXIS = Check("QL003", Severity.ERROR, "quantized_dimension is not the axis of the operator's channels")
PER_CHANNEL_ACTIVATION = Check("QL004", Severity.ERROR, "an activation is quantized per channel")

_READS_CHANNELS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)


@looks_for(FORM, NUMBER_OF_SCALES)
def contradictions(subject: Subject) -> Iterator[Finding]:
    seen = set()
    for number in range(len(subject.model.subgraphs)):
        for fault in faults(subject.model, number):
            seen.add((number, fault.operator))
            yield _of_fault(subject, number, fault)
    for number, index, reason in subject.broken:
        if (number, index) not in seen:
            yield Finding.of(FORM, Place.of(subject.model, subgraph=number, operator=index), reason, _ADVICE)


_ADVICE = "the file is damaged: make it again"


def _of_fault(subject: Subject, subgraph: int, fault: Fault) -> Finding:
    place = Place.of(subject.model, subgraph=subgraph, operator=fault.operator, tensor=fault.tensor)
    if not fault.quantization:
        return Finding.of(FORM, place, fault.message, _ADVICE)
    assert fault.tensor is not None
    tensor = subject.model.subgraphs[subgraph].tensors[fault.tensor]
    assert tensor.quant is not None
    return Finding.of(
        NUMBER_OF_SCALES,
        place,
        fault.message,
        "store one scale and zero point for each index of quantized_dimension, or one for the tensor",
        scales=tensor.quant.scale.size,
        zero_points=tensor.quant.zero_point.size,
        quantized_dimension=tensor.quant.quantized_dimension,
        shape=list(tensor.shape),
    )


@looks_for(AXIS)
def axes(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        rules = rules_of(n)
        for position, w in enumerate(n.inputs):
            constraint = rules.input(position)
            if not isinstance(constraint, Weight) or constraint.axis is None or w is None or w.type not in INTEGERS:
                continue
            if w.quant is None or not w.quant.is_per_channel or w.quant.quantized_dimension == constraint.axis:
                continue
            axis = w.quant.quantized_dimension
            message = (
                f"the weights, of shape {w.shape}, have {w.quant.scale.size} scales along dimension {axis}; the "
                f"kernel's channels are dimension {constraint.axis}"
            )
            advice = f"quantize along dimension {constraint.axis}"
            evidence = {"quantized_dimension": axis, "expected": constraint.axis}
            yield Finding.of(AXIS, subject.place(n, w), message, advice, False, **evidence)


@looks_for(PER_CHANNEL_ACTIVATION)
def per_channel_activations(subject: Subject) -> Iterator[Finding]:
    """At the first operator that reads or makes the tensor."""
    seen = set()
    for n in subject.nodes:
        if n.operator.code in _READS_CHANNELS:
            continue
        for t in (*n.inputs, *n.outputs):
            if t is None or t.value is not None or t.quant is None or not t.quant.is_per_channel:
                continue
            if t.type in INTEGERS and t.block_scales is None and (n.subgraph, t.index) not in seen:
                seen.add((n.subgraph, t.index))
                message = f"the tensor has {t.quant.scale.size} scales; kernels read one scale of an activation"
                advice = "quantize activations per tensor"
                yield Finding.of(
                    PER_CHANNEL_ACTIVATION, subject.place(n, t), message, advice, scales=t.quant.scale.size
                )
