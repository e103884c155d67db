"""Versions: of operators, and of the runtime that the metadata ask for.

TFLite: tools/versioning/op_version.cc, runtime_version.cc; core/api/op_resolver.cc
"""

from __future__ import annotations

from collections.abc import Iterator

from qcore.auditor.finding import Check, Finding, Place, Severity
from qcore.auditor.lint.probe import Subject, looks_for, op_of
from qcore.errors import QCoreError
from qcore.op import Node
from qcore.op_versions import LOWEST_VERSIONS, RUNTIME_VERSION_KEY, minimum_runtime_version, registered_versions
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["OP_VERSION", "RUNTIME_VERSION", "UNKNOWN_VERSION", "needed_version", "unknown_version"]

OP_VERSION = Check("QL801", Severity.WARNING, "operator version is too low for what it uses")
UNKNOWN_VERSION = Check("QL803", Severity.ERROR, "TFLite has no kernel of this operator version")
RUNTIME_VERSION = Check("QL802", Severity.NOTE, "min_runtime_version is older than the operators")


_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)


def needed_version(n: Node) -> int:
    """The lowest version that a converter writes for a node of these types and options.

    With 16-bit activations that is less than the types ask for: TensorFlow's own quantizer writes it. The conversions
    at its borders have version 1 or 2, as it happens.
    """
    op = op_of(n)
    try:
        version = 1 if op is None else op.version(n)
    except (QCoreError, IndexError, AttributeError):
        return 1  # operands are missing, or options are another table: the operator contradicts itself
    if any(t is not None and t.type == TensorType.INT16 for t in (*n.inputs, *n.outputs)):
        return min(version, 1 if n.name == "QUANTIZE" else LOWEST_VERSIONS.get(n.name, 1))
    return version


@looks_for(OP_VERSION)
def operator_versions(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        needed, stated = needed_version(n), n.operator.version
        if stated < needed:
            yield Finding.of(
                OP_VERSION,
                subject.place(n),
                f"version {stated}; {n.types} takes version {needed}",
                f"write version {needed}, so that a runtime which does not know it refuses the model",
                fixable=True,
                version=stated,
                needed=needed,
            )


@looks_for(UNKNOWN_VERSION)
def unknown_versions(subject: Subject) -> Iterator[Finding]:
    for n in subject.nodes:
        why = unknown_version(n)
        if why is not None:
            evidence = {"version": n.operator.version, "needed": needed_version(n)}
            advice = f"write version {needed_version(n)}, if that is all it uses; or use a newer runtime"
            yield Finding.of(UNKNOWN_VERSION, subject.place(n), why, advice, False, **evidence)


def unknown_version(n: Node, *, reference: bool = False) -> str | None:
    """Why TFLite 2.21, or its reference kernels, finds no kernel by operator and version; None where it finds one."""
    if n.operator.code == BuiltinOperator.CUSTOM:
        return None
    known = registered_versions(n.name, reference=reference)
    kernels = "reference kernel" if reference else "kernel"
    if not known:
        return f"TFLite 2.21 has no {kernels} of this operator"
    if n.operator.version not in known:
        return f"version {n.operator.version}; TFLite 2.21 has a {kernels} of {known[0]} to {known[-1]}"
    return None


@looks_for(RUNTIME_VERSION)
def runtime_versions(subject: Subject) -> Iterator[Finding]:
    """Converters write it before they quantize: it need not know conversions, nor any version but the first."""
    model = subject.model
    needed = minimum_runtime_version((op.code, op.version) for _, _, op in model.walk())
    first = minimum_runtime_version((op.code, 1) for _, _, op in model.walk() if op.code not in _CONVERSIONS)
    for entry in model.metadata:
        data = model.buffers[int(entry.buffer)] if int(entry.buffer) < len(model.buffers) else None
        if entry.name != RUNTIME_VERSION_KEY or data is None:
            continue
        stated = data.tobytes().rstrip(b"\0").decode(errors="backslashreplace")
        if stated and _numbers(stated) < _numbers(first):
            yield Finding.of(
                RUNTIME_VERSION,
                Place(),
                f"the metadata ask for runtime {stated}; the operators need {needed}",
                f"write {needed}",
                fixable=True,
                stated=stated,
                needed=needed,
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
