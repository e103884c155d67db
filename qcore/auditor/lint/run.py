"""What TFLite does not run at all: operators whose operands and parameters contradict them.

qcore's own kernels refuse what TFLite's refuse, and its tests ask TFLite whether that holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject, looks_for

__all__ = ["REFUSED", "unexplained"]

REFUSED = Check("QL005", Severity.ERROR, "operator contradicts its operands or options")


@looks_for(REFUSED)
def refused(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        why = subject.refusal(n)
        if why is not None:
            advice = "make operands, options and parameters fit the operator, or quantize the model again"
            yield Finding.of(REFUSED, subject.place(n), why, advice)


def unexplained(subject: Subject, findings: list[Finding]) -> list[Finding]:
    """The findings without those refusals that another error at the same operator, or its tensors, explains."""
    errors = [f.place for f in findings if f.severity == Severity.ERROR and f.check != REFUSED]
    operators = {(place.subgraph, place.operator) for place in errors if place.operator is not None}
    tensors = {(place.subgraph, place.tensor) for place in errors if place.operator is None}
    for n in subject.nodes:
        if any(t is not None and (n.subgraph, t.index) in tensors for t in (*n.inputs, *n.outputs)):
            operators.add((n.subgraph, n.index))
    return [f for f in findings if f.check != REFUSED or (f.place.subgraph, f.place.operator) not in operators]
