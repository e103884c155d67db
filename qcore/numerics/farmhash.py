"""FarmHash Fingerprint64 of many keys of one length at once.

Published by Google as `farmhash` (namespace farmhashna, Hash64); TFLite: kernels/lsh_projection.cc
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]
Pair = tuple[UInt64Array, UInt64Array]

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)


def fingerprint64(keys: NDArray[np.uint8]) -> UInt64Array:
    """uint64 [n] of bytes [n, length]; all arithmetic wraps."""
    length = keys.shape[1]
    mul = np.uint64((int(_K2) + 2 * length) % 2**64)
    with np.errstate(over="ignore"):
        if length <= 16:
            return _up_to_16(keys, length, mul)
        if length <= 32:
            u, v, _ = _ends(keys, _K1, _word(keys, 8), mul)
            return _mix(u, v, mul)
        if length <= 64:
            return _up_to_64(keys, mul)
        return _long(keys)


def _up_to_16(keys: NDArray[np.uint8], length: int, mul: np.uint64) -> UInt64Array:
    if length >= 8:
        a, b = _word(keys, 0) + _K2, _word(keys, length - 8)
        return _mix(_rotate(b, 37) * mul + a, (_rotate(a, 25) + b) * mul, mul)
    if length >= 4:
        first, last = (_word(keys, at, 4) for at in (0, length - 4))
        return _mix(np.uint64(length) + (first << np.uint64(3)), last, mul)
    if length > 0:
        first, middle, last = (keys[:, at].astype(np.uint64) for at in (0, length >> 1, length - 1))
        y, z = first + (middle << np.uint64(8)), np.uint64(length) + (last << np.uint64(2))
        return _shift_mix(y * _K2 ^ z * _K0) * _K2
    return np.full(len(keys), _K2)


def _ends(keys: NDArray[np.uint8], first: np.uint64, b: UInt64Array, mul: np.uint64) -> tuple[UInt64Array, ...]:
    """Both arguments of the last mixing step for 17 to 32 bytes, and a: the first word times `first`."""
    a = _word(keys, 0) * first
    c, d = _word(keys, keys.shape[1] - 8) * mul, _word(keys, keys.shape[1] - 16) * _K2
    return _rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, a


def _up_to_64(keys: NDArray[np.uint8], mul: np.uint64) -> UInt64Array:
    length = keys.shape[1]
    y, other, a = _ends(keys, _K2, _word(keys, 8), mul)
    z = _mix(y, other, mul)
    e, f = _word(keys, 16) * mul, _word(keys, 24)
    g, h = (y + _word(keys, length - 32)) * mul, (z + _word(keys, length - 24)) * mul
    return _mix(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, mul)


def _long(keys: NDArray[np.uint8]) -> UInt64Array:
    count, length = keys.shape
    seed = 81
    start = (seed * int(_K1) + 113) % 2**64
    y = np.full(count, start, np.uint64)
    z = _shift_mix(y * _K2 + np.uint64(113)) * _K2
    x = np.full(count, seed, np.uint64) * _K2 + _word(keys, 0)
    zero = np.zeros(count, np.uint64)
    state = (x, y, z, (zero, zero), (zero, zero))
    end = (length - 1) // 64 * 64
    for at in range(0, end, 64):
        state = _round(keys, at, state, _K1, _K1, np.uint64(1))
    x, y, z, v, w = state
    tail = (length - 1) & 63
    mul = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w = (w[0] + np.uint64(tail), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(keys, end + tail - 63, (x, y, z, v, w), mul, mul, np.uint64(9))
    return _mix(_mix(v[0], w[0], mul) + _shift_mix(y) * _K0 + z, _mix(v[1], w[1], mul) + x, mul)


def _round(keys: NDArray[np.uint8], at: int, state: Any, mul: Any, weak_mul: Any, nine: np.uint64) -> Any:
    """64 bytes from `at` on; the last round differs in its multipliers."""
    x, y, z, v, w = state
    x = _rotate(x + y + v[0] + _word(keys, at + 8), 37) * mul
    y = _rotate(y + v[1] + _word(keys, at + 48), 42) * mul
    x = x ^ w[1] * nine
    y = y + v[0] * nine + _word(keys, at + 40)
    z = _rotate(z + w[0], 33) * mul
    v = _weak(keys, at, v[1] * weak_mul, x + w[0])
    w = _weak(keys, at + 32, z + w[1], y + _word(keys, at + 16))
    return z, y, x, v, w


def _weak(keys: NDArray[np.uint8], at: int, a: UInt64Array, b: UInt64Array) -> Pair:
    first, second, third, last = (_word(keys, at + 8 * i) for i in range(4))
    a = a + first
    b = _rotate(b + a + last, 21)
    c = a
    a = a + second + third
    b = b + _rotate(a, 44)
    return a + last, b + c


def _word(keys: NDArray[np.uint8], at: int, size: int = 8) -> UInt64Array:
    """Little-endian words of `size` bytes."""
    part = np.ascontiguousarray(keys[:, at : at + size])
    return part.view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotate(x: UInt64Array, right: int) -> UInt64Array:
    return (x >> np.uint64(right)) | (x << np.uint64(64 - right))


def _shift_mix(x: UInt64Array) -> UInt64Array:
    return x ^ (x >> np.uint64(47))


def _mix(u: UInt64Array, v: UInt64Array, mul: Any) -> UInt64Array:
    a = _shift_mix((u ^ v) * mul)
    return np.asarray(_shift_mix((v ^ a) * mul) * mul, np.uint64)
