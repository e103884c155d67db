"""Lint: what is wrong, or will surprise, in the file alone. No data is needed, and the model need not be runnable.

Checks are declared beside the functions that make them, in one file per subject; the list of all is derived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from qcore.auditor.finding import Check, Finding, worst_first
from qcore.auditor.lint import (
    activation,
    bias,
    constraints,
    conversions,
    form,
    multiplier,
    parameters,
    run,
    shapes,
    target,
    versions,
    weights,
)
from qcore.auditor.lint.probe import Subject, declared
from qcore.ir import Model

__all__ = ["CHECKS", "lint"]

_PROBES = declared(
    (form, shapes, run, parameters, bias, weights, constraints, activation, multiplier, conversions, versions)
)
CHECKS: Mapping[str, Check] = MappingProxyType(
    {check.code: check for check in (*(c for probe in _PROBES for c in probe.checks), *target.CHECKS)}
)
"""Every check of lint by its code."""


def lint(model: Model, targets: Sequence[str] = ()) -> list[Finding]:
    """All findings in a model, worst first, with what each of `targets` refuses (reference, xnnpack, tflite-micro).

    Raises UnsupportedError for a target that is not known.
    """
    subject = Subject.of(model)
    with np.errstate(all="ignore"):  # what is wrong with a number is a finding, not a warning
        found = [finding for probe in _PROBES for finding in probe.look(subject)]
        found += target.refusals(subject, targets)
    return worst_first(run.unexplained(subject, found))
