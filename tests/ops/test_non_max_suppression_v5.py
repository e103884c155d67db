from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import QCoreError
from tests.one_op import check, matches_reference
from tests.suppression import boxes, case, refuses_what_cannot_be, run

CASES = {"float32": boxes(soft=True)}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    corners = [[0, 0, 2, 2], [2, 2, 0, 1], [5, 5, 6, 6]]
    results = run(case(corners, [0.8, 0.9, 0.5], 4, 0.4, 0.0, 0.0))
    assert results[0] == [1, 2, 0, 0]
    assert results[-1] == 2


def test_many_boxes_with_equal_scores() -> None:
    rng = np.random.default_rng(9)
    corners, scores = rng.integers(0, 30, (700, 4)), rng.integers(0, 5, 700) / 5
    assert check(case(corners, scores, 700, 0.5, 0.1, 0.3)) == 1401


def test_soft_scores_by_hand() -> None:
    boxes = [[0, 0, 2, 2], [0, 0, 2, 1], [5, 5, 6, 6]]
    indices, scores, count = run(case(boxes, [0.9, 0.8, 0.5], 3, 1.0, 0.0, 0.5))
    assert indices == [0, 1, 2]
    assert count == 3
    assert np.allclose(scores, [0.9, 0.8 * np.exp(-(0.5**2)), 0.5])


def test_a_negative_sigma_is_refused() -> None:
    for stored in (False, True):
        with pytest.raises(QCoreError, match="sigma is -1"):
            run(case(np.zeros((2, 4)), [1, 1], 1, 0.5, 0, -1.0, stored))


def test_models_that_cannot_be() -> None:
    refuses_what_cannot_be(0.5)
