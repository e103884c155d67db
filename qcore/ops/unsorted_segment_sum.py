"""UNSORTED_SEGMENT_SUM: sums of the elements that share a segment.

    y[s] = sum of x[i] with ids[i] = s

Elements with a negative id are left out. Integers wrap; float32 is rounded at each step. An empty segment gives 0.

TFLite: kernels/unsorted_segment.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.ops import _segment

OP = _segment.unsorted(np.add, 0, "sum(x) of each segment")
