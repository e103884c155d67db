"""int4 weights in blocks: a scale for each block of a row, as AI Edge Quantizer writes them.

    scale = float16(bfloat16(max(m, 1e-9) / 7)),  m = max |w| of the block;   q = clamp(rint(w / scale), -8, 7)

AI Edge Quantizer: algorithms/uniform_quantize/uniform_quantize_tensor.py
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.float32 import from_bfloat16, to_bfloat16

__all__ = ["BLOCK_SIZES", "quantize_in_blocks", "scales_of_blocks"]

BLOCK_SIZES = (32, 64, 128, 256)
"""The sizes AI Edge Quantizer knows."""


def scales_of_blocks(w: NDArray[np.float32], size: int) -> NDArray[np.float16]:
    """float16 [rows, columns / size] of weights [rows, columns]; 0 or infinity where float16 cannot express it."""
    magnitude = np.abs(w.reshape(len(w), -1, size)).max(axis=2)
    scale = np.maximum(magnitude, np.float32(1e-9)) / np.float32(7)
    with np.errstate(over="ignore"):
        return from_bfloat16(to_bfloat16(scale)).astype(np.float16)


def quantize_in_blocks(w: NDArray[np.float32], scales: NDArray[np.float16]) -> NDArray[np.int8]:
    """int4, one number a byte, of weights [rows, columns] with scales [rows, blocks], none of them 0."""
    blocks = w.reshape(*scales.shape, -1)
    return np.clip(np.rint(blocks / scales.astype(np.float32)[..., None]), -8, 7).astype(np.int8).reshape(w.shape)
