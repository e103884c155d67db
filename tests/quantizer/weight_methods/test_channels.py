from __future__ import annotations

import numpy as np
import pytest

from qcore.quantizer.weight_methods.channels import rows


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_a_row_holds_a_channel(axis: int) -> None:
    w = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = rows(w, axis)
    assert found.shape == (w.shape[axis], 24 // w.shape[axis])
    for channel, row in enumerate(found):
        assert sorted(row) == sorted(np.take(w, channel, axis).reshape(-1))
    assert rows(w, None).shape == (1, 24)
