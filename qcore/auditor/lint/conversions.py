"""Conversions between types: those that change nothing, those that round twice, what stays in float between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import INTEGERS, Subject, looks_for, op_of, rules_of, scales_of, zero_point_of
from qcore.ir import QuantParams
from qcore.op import Node, NodeTensor, Op
from qcore.rules import Untouched
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["DEAD_PAIR", "FLOAT_OPERATOR", "REQUANTIZED_TWICE"]

DEAD_PAIR = Check("QL701", Severity.WARNING, "conversions between which nothing computes")
REQUANTIZED_TWICE = Check("QL702", Severity.WARNING, "values are requantized twice in a row")
FLOAT_OPERATOR = Check("QL703", Severity.NOTE, "operator left in float")

_QUANTIZE, _DEQUANTIZE = BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE
_FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16)
Producers = Mapping[tuple[int, int], Node]


def _producers(subject: Subject) -> Producers:
    """(subgraph, tensor) -> the node that makes it, of those with one operand and one result."""
    return {
        (n.subgraph, n.outputs[0].index): n
        for n in subject.nodes
        if len(n.outputs) == 1 and n.operator.code in (_QUANTIZE, _DEQUANTIZE) and n.optional_input(0) is not None
    }


def _same(a: NodeTensor, b: NodeTensor) -> bool:
    return a.type == b.type and a.quant is not None and a.quant.same_as(b.quant)


@looks_for(DEAD_PAIR, REQUANTIZED_TWICE)
def conversions(subject: Subject) -> Iterator[Finding]:
    producers, schemes = _producers(subject), _schemes(subject)
    for n in producers.values():
        x, y = n.input(0), n.outputs[0]
        before = producers.get((n.subgraph, x.index))
        if n.operator.code == _DEQUANTIZE:
            if before is not None and n.subgraph in schemes:
                yield from _only_rounded(subject, before, n)
        elif x.type in INTEGERS and _same(x, y):
            message = f"QUANTIZE of {_text(x)} to the same type and parameters"
            yield Finding.of(DEAD_PAIR, subject.place(n), message, "leave it out", operators=[n.index])
        elif before is not None:
            yield from _after(subject, before, n)


def _after(subject: Subject, before: Node, n: Node) -> Iterator[Finding]:
    """Two conversions in a row, the second of them a QUANTIZE."""
    x, middle, y = before.input(0), before.outputs[0], n.outputs[0]
    if x.type not in INTEGERS or y.type not in INTEGERS:
        return
    evidence = {"operators": [before.index, n.index], "first": _text(x), "last": _text(y)}
    if before.operator.code == _DEQUANTIZE:
        if _same(x, y):
            message = f"DEQUANTIZE (operator {before.index}) and QUANTIZE of {_text(x)} give the same integers again"
            yield Finding.of(DEAD_PAIR, subject.place(n), message, "leave both out", False, **evidence)
        return
    if not _exact(x.quant, middle.quant) and not _exact(middle.quant, y.quant):
        message = f"{_text(x)} is requantized to {_text(middle)} (operator {before.index}) and then to {_text(y)}"
        yield Finding.of(
            REQUANTIZED_TWICE,
            subject.place(n),
            message,
            "requantize once, from the first to the last",
            False,
            **evidence,
        )


def _exact(a: QuantParams | None, b: QuantParams | None) -> bool:
    """Whether one requantization to the other rounds nothing: the scales are equal."""
    return a is not None and b is not None and a.scale.tobytes() == b.scale.tobytes()


def _text(t: NodeTensor) -> str:
    scales = scales_of(t)
    one = "no scale" if scales is None else f"scale {scales[0]:.9g}"
    return f"{t.type.name.lower()} {one}, zero point {zero_point_of(t)}"


def _only_rounded(subject: Subject, before: Node, n: Node) -> Iterator[Finding]:
    """A float value that becomes an integer and a float again, in a graph that computes in integers elsewhere."""
    x, middle = before.input(0), before.outputs[0]
    graph = subject.model.subgraphs[n.subgraph]
    readers = {operator for operator, _ in graph.consumers().get(middle.index, [])}
    alone = readers == {n.index} and middle.index not in graph.outputs
    if before.operator.code == _QUANTIZE and x.type in _FLOATS and alone:
        message = f"QUANTIZE (operator {before.index}) and DEQUANTIZE round a float to {_text(middle)}, for nothing"
        evidence = {"operators": [before.index, n.index], "first": _text(middle), "last": _text(middle)}
        yield Finding.of(DEAD_PAIR, subject.place(n), message, "leave both out", False, **evidence)


def _schemes(subject: Subject) -> Mapping[int, str]:
    """The graphs in which something computes in integers: in 8 bits, or with 16-bit activations."""
    schemes: dict[int, str] = {}
    for n in subject.nodes:
        types = {t.type for t in n.outputs if t.type in INTEGERS and scales_of(t) is not None}
        if types and n.operator.code not in (_QUANTIZE, _DEQUANTIZE):
            wide = TensorType.INT16 in types or schemes.get(n.subgraph) == "int16x8"
            schemes[n.subgraph] = "int16x8" if wide else "int8"
    return schemes


@looks_for(FLOAT_OPERATOR)
def float_operators(subject: Subject) -> Iterator[Finding]:
    """Only of graphs in which something computes in integers: of the others nobody expects it."""
    schemes = _schemes(subject)
    for n in subject.nodes:
        if n.operator.code in (_QUANTIZE, _DEQUANTIZE):
            continue
        moved = isinstance(rules_of(n).output(0), Untouched)  # IF, WHILE: what they hold decides
        if n.subgraph in schemes and any(t.type in _FLOATS for t in n.outputs) and not moved:
            why, advice = _reason(op_of(n), schemes[n.subgraph])
            yield Finding.of(FLOAT_OPERATOR, subject.place(n), f"{n.types}: {why}", advice, types=n.types, reason=why)


def _reason(op: Op | None, scheme: str) -> tuple[str, str]:
    """Why the operator is in float, as far as rules and kernels tell, and what to do."""
    if op is None:
        return "nothing is known of this operator", "look at who made it"
    if scheme in op.rules.quantizable:
        return (
            f"TensorFlow quantizes it under {scheme}, so it was kept in float, or what is around it was",
            "quantize it too, unless it was kept in float for its accuracy",
        )
    if op.rules.quantizable:
        other = " and ".join(sorted(op.rules.quantizable))
        return f"TensorFlow quantizes it under {other}, not under {scheme}", f"use {other}, or another operator"
    kernels = [name for name in ("int8", "uint8", "int16") if name in op.kernels]
    if kernels:
        return (
            f"TensorFlow has no rule to quantize it, though TFLite has kernels for {', '.join(kernels)}",
            "nothing to do, unless the conversions around it cost too much",
        )
    return "TFLite has no integer kernel for it", "use another operator, if the conversions around it cost too much"
