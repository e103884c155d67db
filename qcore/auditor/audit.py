"""`audit`: everything that can be said of a quantized model, as findings, worst first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qcore.auditor.finding import Finding, Severity, worst_first
from qcore.auditor.ledger.accountant import Ledger, Progress, account
from qcore.auditor.ledger.findings import ledger_findings
from qcore.auditor.lint import lint
from qcore.auditor.proof import Proof, prove
from qcore.auditor.proof.findings import proof_findings
from qcore.errors import CalibrationError
from qcore.ir import Model
from qcore.tflite import load

__all__ = ["Audit", "audit"]

ModelLike = str | os.PathLike[str] | bytes | Model


@dataclass(frozen=True, slots=True)
class Audit:
    """findings: worst first. proof: the bounds of every accumulator, from the weights. ledger: what was measured."""

    findings: tuple[Finding, ...]
    proof: Proof = field(default_factory=lambda: Proof(()))
    ledger: Ledger | None = None

    @property
    def worst(self) -> Severity | None:
        """The severity of the worst finding; None where there is none."""
        return self.findings[0].severity if self.findings else None

    def at_least(self, severity: Severity) -> list[Finding]:
        """The findings that are this bad or worse."""
        return [finding for finding in self.findings if finding.severity >= severity]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        counts = {str(severity): sum(f.severity == severity for f in self.findings) for severity in Severity}
        findings = [finding.as_json() for finding in self.findings]
        measured = {} if self.ledger is None else {"ledger": self.ledger.as_json()}
        return {"counts": counts, "findings": findings, "proof": self.proof.as_json(), **measured}


def audit(
    model: ModelLike,
    *,
    targets: Sequence[str] = (),
    accumulator_bits: int | None = None,
    float_model: ModelLike | None = None,
    samples: Any = None,
    worst: int = 3,
    progress: Progress | None = None,
) -> Audit:
    """Look at a model: at the file alone and, with its float model and samples, at what quantization costs.

    targets: runtimes whose refusals are findings too: "reference", "xnnpack", "tflite-micro". accumulator_bits: of the
    accumulators of hardware; None: those of TFLite's kernels, 32 or (int16) 64. float_model, samples, worst, progress:
    see `qcore.auditor.ledger.account`; given both or neither.

    Raises ModelError for a file that cannot be read, UnsupportedError for a target that is not known, ValueError for
    accumulators that are not 2 to 64 bits wide, CalibrationError for samples that do not fit or are missing, and what
    `account` raises.
    """
    if (float_model is None) != (samples is None):
        raise CalibrationError("what quantization costs is measured with both: give float_model and samples")
    source = model if isinstance(model, Model) else load(model)
    proof = prove(source, accumulator_bits)
    found = [*lint(source, targets), *proof_findings(source, proof)]
    ledger = None
    if float_model is not None:
        ledger = account(source, float_model, samples, worst=worst, progress=progress)
        found += ledger_findings(source, ledger)
    return Audit(tuple(worst_first(found)), proof, ledger)
