"""int4, uint4 and int2 tensors: several numbers a byte, the first in the low bits.

TFLite: kernels/internal/portable_tensor_utils.cc (UnpackPackedIntToInt8)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack_int4(packed: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """`count` int8 in [-8, 7] from bytes of two, low nibble first. Raises ValueError when bytes are missing."""
    return _unpack(packed, count, 4)


def unpack_int2(packed: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """`count` int8 in [-2, 1] from bytes of four, low bits first. Raises ValueError when bytes are missing."""
    return _unpack(packed, count, 2)


def unpack_uint4(packed: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """`count` int8 in [0, 15] from bytes of two, low nibble first. Raises ValueError when bytes are missing."""
    return _unpack(packed, count, 4) & np.int8(15)


def pack_int4(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers in [-8, 7] (any shape, row-major) as bytes of two; the last byte is filled with 0."""
    return _pack(values, 4, -8)


def pack_int2(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers in [-2, 1] (any shape, row-major) as bytes of four; the last byte is filled with 0."""
    return _pack(values, 2, -2)


def pack_uint4(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers in [0, 15] (any shape, row-major) as bytes of two; the last byte is filled with 0."""
    return _pack(values, 4, 0)


def _unpack(packed: NDArray[np.uint8], count: int, bits: int) -> NDArray[np.int8]:
    per_byte = 8 // bits
    needed = -(-count // per_byte)
    data = np.asarray(packed, np.uint8).reshape(-1)
    if count < 0 or data.size < needed:
        raise ValueError(f"{count} numbers of {bits} bits need {needed} bytes, got {data.size}")
    spread = np.empty((needed, per_byte), np.int8)
    for i in range(per_byte):  # move the field to the top of the byte, then shift down with its sign
        spread[:, i] = (data[:needed] << (8 - bits * (i + 1))).view(np.int8) >> (8 - bits)
    return spread.reshape(-1)[:count]


def _pack(values: NDArray[Any], bits: int, low: int) -> NDArray[np.uint8]:
    per_byte = 8 // bits
    flat = np.asarray(values).reshape(-1)
    high = low + (1 << bits) - 1
    if flat.size and not (low <= flat.min() and flat.max() <= high):
        raise ValueError(f"numbers outside [{low}, {high}] do not fit {bits} bits")
    spread = np.zeros((-(-flat.size // per_byte), per_byte), np.uint8)
    spread.reshape(-1)[: flat.size] = flat.astype(np.int16).astype(np.uint8) & ((1 << bits) - 1)
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    return np.asarray(np.bitwise_or.reduce(spread << shifts, axis=1), np.uint8)
