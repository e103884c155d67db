from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore import ShapeError
from qcore.auditor.targets import Score, Targets, ranks


@pytest.mark.parametrize(
    ("targets", "shape", "kind", "values"),
    [
        ([0, 2, 1], (1, 3), "labels", [0, 2, 1]),
        ([[0], [2], [1]], (1, 3), "labels", [0, 2, 1]),
        (np.array([0, 2], np.uint8), (2, 3), "labels", [0, 2]),
        ([True, False], (1, 2), "labels", [1, 0]),
        ([[0, 1, 0], [1, 0, 0]], (1, 3), "labels", [1, 0]),
        ([[0.0, 1.0, 0.0]], (1, 3), "labels", [1]),
        ([[[1, 0], [2, 2]]], (1, 2, 2, 3), "labels", [[[1, 0], [2, 2]]]),
        ([[0.5, 1.5]], (1, 2), "numbers", [[0.5, 1.5]]),
        ([0.5, 1.5], (1, 1), "numbers", [[0.5], [1.5]]),
        ([[1.0], [0.0]], (1, 1), "numbers", [[1.0], [0.0]]),
    ],
)
def test_what_targets_are(targets: Any, shape: tuple[int, ...], kind: str, values: Any) -> None:
    found = Targets.of(targets, shape)
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("targets", "shape", "message"),
    [
        ([0, 3], (1, 3), "from 0 to 3, but the output has the classes 0 to 2"),
        ([-1, 2], (1, 3), "from -1 to 2"),
        ([0.0, 2.0], (1, 3), r"float64 of shape \(2,\) does not fit an output of shape \(1, 3\); expected integers of"),
        ([0, 1], (1, 1), r"expected floats of shape \(n, 1\)"),
        ([[1, 1, 0]], (1, 3), "does not fit"),
        (["cat"], (1, 3), "expected integers or floats"),
        (3, (1, 3), "along a first axis"),
        ([[0.5, math.nan]], (1, 2), "NaN or infinite"),
        ([[1, 2], [0, 1]], (1, 4, 4, 3), r"integers of shape \(n, 4, 4\) or floats of shape \(n, 4, 4, 3\)"),
    ],
)
def test_what_does_not_fit(targets: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Targets.of(targets, shape)


@given(st.data())
def test_rank_zero_is_what_argmax_finds(data: st.DataObject) -> None:
    rows, classes = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 8))
    numbers = st.lists(st.integers(-2, 2), min_size=rows * classes, max_size=rows * classes)
    values = np.array(data.draw(numbers), np.float64).reshape(rows, classes)
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)))
    order = np.argsort(-values, axis=1, kind="stable")
    expected = [int(np.flatnonzero(order[row] == labels[row])[0]) for row in range(rows)]
    np.testing.assert_array_equal(ranks(values, labels), expected)
    np.testing.assert_array_equal(ranks(values, labels) == 0, values.argmax(1) == labels)


def test_a_row_with_nan_is_a_miss() -> None:
    values = np.array([[math.nan, 1.0, 2.0], [0.0, 1.0, 2.0]])
    np.testing.assert_array_equal(ranks(values, np.array([2, 2])), [3, 0])
    np.testing.assert_array_equal(ranks(values, np.array([0, 0])), [3, 2])


def test_sums_over_runs() -> None:
    score = Score()
    labels = Targets.of([0, 5, 1], (1, 6))
    score.add(labels, np.array([[6, 5, 4, 3, 2, 1]]), 0)
    score.add(labels, np.array([[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]]), 1)
    assert (score.rows, score.first, score.top1, score.top5) == (3, 1, 1 / 3, 2 / 3)
    assert (score.mae, score.rmse) == (None, None)
    score = Score()
    score.add(Targets.of([1.0, 2.0], (1, 1)), np.array([[1.5], [0.0]]), 0)
    assert (score.mae, score.rmse, score.top1) == (1.25, math.sqrt((0.25 + 4) / 2), None)
    few = Score()
    few.add(Targets.of([0], (1, 5)), np.eye(5)[:1], 0)
    assert (few.top1, few.top5) == (1.0, None)
