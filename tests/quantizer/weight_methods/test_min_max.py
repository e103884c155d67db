from __future__ import annotations

import numpy as np

from qcore.quantizer.weight_methods.min_max import largest_magnitude


def test_the_largest_magnitude() -> None:
    w = np.array([[1, -3], [0, 0]], np.float32)
    assert largest_magnitude(w, 0).tolist() == [3, 0]
    assert largest_magnitude(w, 1).tolist() == [1, 3]
    assert largest_magnitude(w, None).tolist() == [3]
