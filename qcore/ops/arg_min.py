"""ARG_MIN: where along an axis the smallest value is.

    y = the first i with x[i] = min(x)

Values are compared as they are. float32: a NaN is passed over, unless it is the first value, which nothing replaces.

TFLite: kernels/arg_min_max.cc; internal/optimized/optimized_ops.h
"""

from __future__ import annotations

import numpy as np

from qcore.ops import _arg
from tflite_schema import ArgMinOptions

OP = _arg.operator(np.argmin, ArgMinOptions)
