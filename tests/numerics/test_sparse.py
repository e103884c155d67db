from __future__ import annotations

import numpy as np
import pytest

from qcore.numerics.sparse import Level, densify


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_rows_of_listed_columns() -> None:
    levels = [Level(3), Level(segments=ints(0, 2, 2, 3), indices=ints(1, 3, 0))]
    y = densify(np.array([5, 6, 7]), (3, 4), [0, 1], [], levels)
    assert y.tolist() == [[0, 5, 0, 6], [0, 0, 0, 0], [7, 0, 0, 0]]


def test_columns_first() -> None:
    levels = [Level(2), Level(segments=ints(0, 1, 3), indices=ints(2, 0, 1))]
    y = densify(np.array([5, 6, 7]), (3, 2), [1, 0], [], levels)
    assert y.tolist() == [[0, 6], [0, 7], [5, 0]]


def test_blocks() -> None:
    levels = [Level(1), Level(segments=ints(0, 1), indices=ints(1)), Level(2), Level(2)]
    y = densify(np.array([1, 2, 3, 4]), (2, 4), [0, 1, 2, 3], [0, 1], levels)
    assert y.tolist() == [[0, 0, 1, 2], [0, 0, 3, 4]]


@pytest.mark.parametrize(
    ("order", "block_map", "levels", "message"),
    [
        ([0, 0], [], [Level(2), Level(2)], "names a dimension twice"),
        ([0], [], [Level(2)], "differ"),
        ([0, 1, 2], [5], [Level(2), Level(2), Level(1)], "a bad block map"),
        ([0, 1], [], [Level(2), Level(1)], "4 values for 2 places"),
        ([0, 1], [], [Level(1), Level(4)], "outside dimension 1"),
        ([0, 1], [], [Level(2), Level(2**30)], "too many nodes"),
        ([0, 1], [], [Level(2), Level(segments=ints(0, 4), indices=ints(0, 1, 0, 1))], "too few segments"),
        ([0, 1], [], [Level(2), Level(segments=ints(0, 2, 9), indices=ints(0, 1, 0, 1))], "leaves the indices"),
    ],
)
def test_what_does_not_fit_is_refused(
    order: list[int], block_map: list[int], levels: list[Level], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        densify(np.arange(4), (2, 2), order, block_map, levels)
