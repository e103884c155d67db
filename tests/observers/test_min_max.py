from __future__ import annotations

import numpy as np

from qcore.observers.min_max import Extremes, MinMax


def test_tflites_starts() -> None:
    """FLT_MAX and FLT_MIN: of an all-negative tensor max is the smallest positive normal float."""
    statistic = MinMax().start()
    empty = statistic.is_empty
    assert empty
    statistic.add(np.array([-3, -2], np.float32), -3, -2)
    assert MinMax().range(statistic) == (np.float32(-3), np.float32(1.1754944e-38))
    statistic.add(np.array([np.inf], np.float32), np.inf, np.inf)
    assert MinMax().range(statistic) == (np.float32(-3), np.float32(np.inf))
    assert not statistic.is_empty
    assert isinstance(statistic, Extremes)
