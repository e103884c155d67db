"""What a runtime refuses to run: TFLite's reference kernels, the XNNPACK delegate, tflite-micro.

TFLite: kernels/register_ref.cc; delegates/xnnpack/xnnpack_delegate.cc. tflite-micro: qcore/data/tflite_micro.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

from qcore.allocation import located
from qcore.auditor.finding import Check, Finding, Severity
from qcore.auditor.lint.probe import INTEGERS, Subject, op_of, reason
from qcore.auditor.lint.versions import unknown_version
from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.kernel_sets import KernelSet
from qcore.op import Node, NodeTensor
from tflite_schema import BuiltinOperator

__all__ = ["CHECKS", "NOT_DELEGATED", "NO_MICRO_KERNEL", "NO_MICRO_OPERATOR", "NO_REFERENCE", "Target", "refusals"]

NO_REFERENCE = Check("QL901", Severity.ERROR, "TFLite's reference kernels do not run the operator")
NOT_DELEGATED = Check("QL902", Severity.WARNING, "XNNPACK does not take the operator")
NO_MICRO_OPERATOR = Check("QL903", Severity.ERROR, "tflite-micro has no such operator")
NO_MICRO_KERNEL = Check("QL904", Severity.ERROR, "tflite-micro does not run the operator in these types or dimensions")
CHECKS = (NO_REFERENCE, NOT_DELEGATED, NO_MICRO_OPERATOR, NO_MICRO_KERNEL)


class Target(str, Enum):
    """A runtime that a model is meant for."""

    REFERENCE = "reference"
    XNNPACK = "xnnpack"
    TFLITE_MICRO = "tflite-micro"


def refusals(subject: Subject, targets: Sequence[str]) -> Iterator[Finding]:
    """What each target refuses; UnsupportedError for a target that is not known."""
    for name in dict.fromkeys(targets):
        try:
            target = Target(name)
        except ValueError:
            known = ", ".join(t.value for t in Target)
            raise UnsupportedError(f"target {name!r} is not known; choose of {known}") from None
        yield from _REFUSALS[target](subject)


def _reference(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        error = subject.refused.get((n.subgraph, n.index))
        why = reason(n, error) if isinstance(error, UnsupportedError) else None
        if why is None and unknown_version(n) is None:
            why = unknown_version(n, reference=True)
        if why is not None:
            advice = "keep the operator in a type and version that has a kernel; `qcore ops` lists them"
            yield Finding.of(NO_REFERENCE, subject.place(n), why, advice, types=n.types)


# --- XNNPACK ---


def _xnnpack(subject: Subject) -> Iterator[Finding]:
    """Nodes as the delegate sees them: with the shapes and constants of the file.

    Whether it takes a float operator that was not measured is no question of quantization, and left out.
    """
    for n in subject.nodes:
        op = op_of(n)
        if op is None or (n.subgraph, n.index) in subject.refused:
            continue
        try:
            seen = Node.of(subject.model, n.subgraph, n.index, kernels=KernelSet("xnnpack"))
            why = op.executor(seen)[1]
        except UnsupportedError:
            if any(t is not None and t.type in INTEGERS for t in (*n.inputs, *n.outputs)):
                yield replace(_not_delegated(subject, n, "whether it does was not measured"), severity=Severity.NOTE)
            continue
        except Exception as error:
            if isinstance(located(error, n.place), (ModelError, ShapeError)):
                continue  # the operator contradicts itself: QL005
            raise
        if why is not None:
            yield _not_delegated(subject, n, why)


def _not_delegated(subject: Subject, n: Node, why: str) -> Finding:
    advice = "it runs in TFLite's other kernels, whose results are rounded differently and which may be slower"
    return Finding.of(NOT_DELEGATED, subject.place(n), f"{n.types}: {why}", advice, types=n.types, reason=why)


# --- tflite-micro ---


@cache
def _micro() -> Mapping[str, Any]:
    """The operators and types of tflite-micro's reference kernels, with the commit they were read from."""
    text = (files("qcore") / "data" / "tflite_micro.json").read_text(encoding="utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return table


def _tflite_micro(subject: Subject) -> Iterator[Finding]:
    table = _micro()
    for n in subject.nodes:
        if n.operator.code == BuiltinOperator.CUSTOM:
            if n.name not in table["custom"]:
                advice = "register a kernel of your own in the firmware"
                yield Finding.of(NO_MICRO_OPERATOR, subject.place(n), "no custom operator of this code", advice)
            continue
        entry = table["operators"].get(n.name)
        if entry is None:
            advice = "use another operator, or write a kernel for it"
            yield Finding.of(NO_MICRO_OPERATOR, subject.place(n), "no kernel of this name is registered", advice)
            continue
        why = _micro_rank(n, entry) or _micro_types(n, entry)
        if why is not None:
            advice = "use a type that it takes; weights of float activations must be float too"
            yield Finding.of(NO_MICRO_KERNEL, subject.place(n), f"{n.types}: {why}", advice, types=n.types)


def _micro_rank(n: Node, entry: Mapping[str, Any]) -> str | None:
    x, most = n.optional_input(0), entry.get("rank")
    return None if most is None or x is None or x.rank <= most else f"{x.rank} dimensions, at most {most}"


def _micro_types(n: Node, entry: Mapping[str, Any]) -> str | None:
    """Why the types are none that the kernel takes."""
    tensor = n.optional_input(entry["operand"])
    if tensor is None or entry["types"] == "any":
        return None
    own = tensor.type.name.lower()
    if own not in entry["types"]:
        return f"operand {entry['operand']} may be {', '.join(entry['types'])}"
    for position, by_type in entry.get("others", {}).items():
        other: NodeTensor | None
        if position == "result":
            other, what = (n.outputs[0] if n.outputs else None), "the result"
        else:
            other, what = n.optional_input(int(position)), f"operand {position}"
        if other is not None and other.type.name.lower() not in by_type[own]:
            return f"beside {own} {what} may be {', '.join(by_type[own])}"
    return None


_REFUSALS: Mapping[Target, Callable[[Subject], Iterator[Finding]]] = {
    Target.REFERENCE: _reference,
    Target.XNNPACK: _xnnpack,
    Target.TFLITE_MICRO: _tflite_micro,
}
