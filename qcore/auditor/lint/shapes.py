"""The shapes that a file states for results are those that the operators give.

TFLite: core/subgraph.cc (PrepareOpsStartingAt), where every operator resizes its results
"""

from __future__ import annotations

from collections.abc import Iterator

from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject, looks_for

__all__ = ["SHAPE"]

SHAPE = Check("QL006", Severity.WARNING, "result has another shape than the file states")


@looks_for(SHAPE)
def shapes(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        if n.subgraph or (n.subgraph, n.index) not in subject.params:
            continue
        graph = subject.model.subgraphs[n.subgraph]
        for tensor in n.outputs:
            stated = graph.tensors[tensor.index]
            given = tensor.shape
            if given == stated.shape or not stated.shape or -1 in (stated.shape_signature or ()):
                continue  # () is also how the converter writes a rank it does not know
            message = f"the operator gives shape {given}, the file says {stated.shape}"
            advice = "look which of options and shape is wrong: the model is not what its author made"
            yield Finding.of(
                SHAPE, subject.place(n, tensor), message, advice, given=list(given), stated=list(stated.shape)
            )
