"""Hypothesis profiles: the default run draws few examples of everything; the conformance run draws many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("default", max_examples=40, deadline=None, suppress_health_check=_SLOW, derandomize=True)
settings.register_profile("search", max_examples=1000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("QCORE_HYPOTHESIS", "default"))
