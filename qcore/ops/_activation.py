"""Fused activations: the integer range they leave, and their clamp in float."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import ACTIVATION_BOUNDS, activation_range
from qcore.numerics.fixedpoint import clip
from qcore.op import Node
from tflite_schema import ActivationFunctionType, TensorType

__all__ = ["bounds", "clamp", "integer_activation_range"]

Bounds = tuple[float | None, float | None]


def bounds(n: Node, fused: ActivationFunctionType, *, keep_infinities: bool = False) -> Bounds:
    """The real interval of a fused activation; UnsupportedError for those no kernel fuses (TANH, SIGN_BIT).

    XNNPACK leaves infinities as they are, and so does FULLY_CONNECTED of integer weights (`keep_infinities`); other
    float kernels do not, see `clamp`.
    """
    name = getattr(fused, "name", str(int(fused)))
    if name not in ACTIVATION_BOUNDS:
        raise n.unsupported(f"fused activation {name} has no kernel; put the activation in an operator of its own")
    low, high = ACTIVATION_BOUNDS[name]
    if keep_infinities or (n.kernels.name == "xnnpack" and n.output().type == TensorType.FLOAT32):
        return -math.inf if low is None else low, math.inf if high is None else high
    return low, high


def integer_activation_range(n: Node, fused: ActivationFunctionType) -> tuple[int, int]:
    """The integers that result 0 may take: its type's range cut to the fused activation's interval.

    Raises ModelError where the result's scale or zero point make no sense of the interval.
    """
    y = n.output()
    try:
        return activation_range(bounds(n, fused), y.scale, y.zero_point, y.dtype, n.kernels.name == "xnnpack")
    except ValueError as error:
        n.require(False, f"result {y.name!r}: {error}")
        raise


def clamp(y: NDArray[Any], interval: Bounds) -> NDArray[Any]:
    """y clamped to a real interval, in place where it can change; the dtype is kept.

    An end of None is the dtype's own: TFLite's float kernels turn infinities into the largest finite number even
    without an activation. NaN stays NaN. The -1 of RELU_N1_TO_1 wraps in an unsigned dtype, as in C++: all become 1.
    """
    low, high = interval
    if y.dtype.kind == "f":
        limit = np.finfo(y.dtype).max
        clip(y, -limit if low is None else y.dtype.type(low), limit if high is None else y.dtype.type(high), out=y)
        return y
    if low is not None:
        np.maximum(y, np.asarray(low).astype(y.dtype), out=y)
    if high is not None:
        np.minimum(y, np.asarray(high).astype(y.dtype), out=y)
    return y
