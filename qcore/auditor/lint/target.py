"""What a runtime refuses to run: TFLite's reference kernels, the XNNPACK delegate, tflite-micro."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from qcore.allocation import Problems, find_problems
from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import Subject
from qcore.errors import UnsupportedError
from qcore.op import Node

__all__ = ["CHECKS", "NO_REFERENCE", "Target", "refusals"]

NO_REFERENCE = Check("QL901", Severity.ERROR, "TFLite's reference kernels do not run the operator")


class Target(str, Enum):
    """A runtime that a model is meant for."""

    REFERENCE = "reference"


def _reference(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        problems = Problems()
        find_problems(n, problems)
        for reason in problems.reasons:
            yield Finding.of(
                NO_REFERENCE, subject.place(n), _without_place(n, reason), "keep the operator in a type that has one"
            )


def _without_place(n: Node, reason: str) -> str:
    return reason.removeprefix(n.place).strip(" :")


_REFUSALS: Mapping[Target, Callable[[Subject], Iterator[Finding]]] = {Target.REFERENCE: _reference}
CHECKS = (NO_REFERENCE,)


def refusals(subject: Subject, targets: Sequence[str]) -> Iterator[Finding]:
    """What each target refuses; UnsupportedError for a target that is not known."""
    for name in dict.fromkeys(targets):
        try:
            target = Target(name)
        except ValueError:
            known = ", ".join(t.value for t in Target)
            raise UnsupportedError(f"target {name!r} is not known; choose of {known}") from None
        yield from _REFUSALS[target](subject)
