from __future__ import annotations

import numpy as np

from tests.one_op import check, matches_reference
from tests.suppression import boxes, case, refuses_what_cannot_be, run

CASES = {"float32": boxes(soft=False)}
test_matches_reference = matches_reference(CASES)


def test_by_hand() -> None:
    corners = [[0, 0, 2, 2], [2, 2, 0, 1], [5, 5, 6, 6]]
    results = run(case(corners, [0.8, 0.9, 0.5], 4, 0.4, 0.0))
    assert results[0] == [1, 2, 0, 0]
    assert results[-1] == 2


def test_many_boxes_with_equal_scores() -> None:
    rng = np.random.default_rng(9)
    corners, scores = rng.integers(0, 30, (700, 4)), rng.integers(0, 5, 700) / 5
    assert check(case(corners, scores, 700, 0.5, 0.1)) == 701


def test_models_that_cannot_be() -> None:
    refuses_what_cannot_be()
