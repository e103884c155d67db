"""UNSORTED_SEGMENT_PROD: products of the elements that share a segment.

    y[s] = product of x[i] with ids[i] = s

Elements with a negative id are left out. Integers wrap; float32 is rounded at each step. An empty segment gives 1.

TFLite: kernels/unsorted_segment.cc; internal/reference/reference_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.ops import _segment

OP = _segment.unsorted(np.multiply, 1, "product(x) of each segment")
