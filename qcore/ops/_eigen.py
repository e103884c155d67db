"""Eigen's float32 tanh and logistic function, which TFLite's recurrent kernels call: every rounding as in its code.

Both are rational or polynomial approximations a few units in the last place off the true value. Recurrent kernels with
integer weights quantize what comes out of them, so one unit decides now and then over a whole quantization step.

    tanh(x) = x * P(x^2) / Q(x^2)           x clamped to where the quotient is 1
    logistic(x) = e / (1 + e),  e = exp(x / 2)^2;  exp(x / 2) = 2^m * p(r),  x / 2 = m * ln 2 + r

Eigen: src/Core/arch/Default/GenericPacketMathFunctions.h, src/Core/functors/UnaryFunctors.h (builds without FMA)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["logistic", "tanh"]

Float32Array = NDArray[np.float32]


def _constants(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(value) for value in values)


_NUMERATOR = _constants(1.394553628e-8, 2.102733560e-5, 3.520756727e-3, 1.340216100e-1)
_DENOMINATOR = _constants(8.015776984e-7, 3.326951409e-4, 2.597254514e-2, 4.673548340e-1, 1.0)
_TANH_IS_ONE = np.float32(7.90738964080810547)
_LOGISTIC_IS_ONE, _LOGISTIC_IS_ZERO = _constants(16.6355324, -104.0)
_LOG2_E, _LN_2_HIGH, _LN_2_LOW = _constants(1.44269504088896341, -0.693359375, 2.12194440e-4)
_EXP = _constants(0.49999141693115234375, 0.16666877269744873046875, 4.1898667812347412109375e-2, 8.334713056683540e-3)
_HALF, _ONE = _constants(0.5, 1.0)


def _polynomial(x: Float32Array, coefficients: tuple[np.float32, ...]) -> Float32Array:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


def tanh(x: Float32Array) -> Float32Array:
    """tanh(x), float32 to float32."""
    x = np.minimum(np.maximum(x, -_TANH_IS_ONE), _TANH_IS_ONE)
    square = x * x
    quotient: Float32Array = (square * x * _polynomial(square, _NUMERATOR) + x) / _polynomial(square, _DENOMINATOR)
    return quotient


def logistic(x: Float32Array) -> Float32Array:
    """1 / (1 + exp(-x)), float32 to float32; 0 below -104."""
    half = np.maximum(np.minimum(x, _LOGISTIC_IS_ONE), _LOGISTIC_IS_ZERO) * _HALF
    exponent = np.floor(half * _LOG2_E + _HALF)
    rest = exponent * _LN_2_LOW + (exponent * _LN_2_HIGH + half)
    square = rest * rest
    p2, p3, p4, p5 = _EXP
    series = square * (rest * (square * p5 + p3) + (square * p4 + p2)) + (rest + _ONE)
    with np.errstate(under="ignore", invalid="ignore"):
        root = np.ldexp(series, exponent.astype(np.int32))
        e = root * root
    return np.where(x < _LOGISTIC_IS_ZERO, np.float32(0), e / (_ONE + e))
