"""UNSORTED_SEGMENT_MIN: smallest values of the elements that share a segment.

    y[s] = min of x[i] with ids[i] = s

Elements with a negative id are left out. An empty segment gives the largest finite number; a NaN is passed over.

TFLite: kernels/unsorted_segment.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.ops import _segment

_LARGEST = float(np.finfo(np.float32).max)

OP = _segment.unsorted(np.fmin, _LARGEST, "min(x) of each segment")
