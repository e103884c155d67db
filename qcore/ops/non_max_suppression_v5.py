"""NON_MAX_SUPPRESSION_V5: the best boxes of those that overlap, with scores lowered softly.

    y = indices of the boxes kept, best first, and their scores, then zeros;  count = how many are kept

Operands: boxes [n, 4], scores [n], the most boxes to keep, IoU threshold, score threshold, sigma (0: hard).
See _suppression.py.

TFLite: kernels/non_max_suppression.cc; internal/reference/non_max_suppression.h
"""

from __future__ import annotations

from qcore.ops import _suppression

OP = _suppression.operator(soft=True)
