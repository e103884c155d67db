from __future__ import annotations

from qcore.auditor.report.operator_view import operator_views
from tests.auditor.report.sample import findings, model, report


def test_weights_are_seen_by_channel_within_what_their_scale_holds() -> None:
    weights = operator_views(model())[0].weights
    assert weights is not None
    assert weights.low == (-1.0, -32.0)
    assert weights.high == (1.5, 1.25)
    assert weights.lowest == (-64.0, -32.0)
    assert weights.highest == (63.5, 31.75)
    assert operator_views(model())[1].weights is None


def test_a_finding_stands_at_its_operator_or_at_that_of_its_tensor() -> None:
    built = model()
    first, second = operator_views(built, tuple(findings(built)))
    assert [finding.message for finding in first.findings] == ["a scale of 3 <ulp> off", "an input"]
    assert second.findings == ()


def test_what_was_not_measured_is_absent() -> None:
    first = operator_views(model())[0]
    assert (first.noise, first.headroom, first.distribution) == (None, None, None)
    measured = report().operators[0]
    assert measured.headroom is not None
    assert measured.headroom.least == 16.25
    assert (measured.scale, measured.zero_point) == (0.5, 0)
    assert measured.anchor == "operator-0-0"
