"""Float operands times integer weights: every row of the operand is quantized to int8 as it arrives.

    symmetric    r = max |x|;  s = r / 127;  z = 0;  q = clamp(round(x * (127 / r)), -127, 127);  r = 0: q = 0, s = 1
    asymmetric   l = min(x, 0), h = max(x, 0);  s = (h - l) / 255;  z = clamp(round(-128 - l / s)) or, from the other
                 end, clamp(round(127 - h / s)), whichever is the more precise;  q = clamp(round(x * (1 / s)) + z)
    product      y + float32(sum(q * w) - z * sum(w)) * (s * sw)

Halves are rounded away from zero. The first 8 * (K // 8) elements of a row add 0.5 in float32 before they are truncated
(vector code), which makes 1 of the number before 0.5 as well; the rest round exactly.

TFLite: kernels/internal/optimized/neon_tensor_utils.cc, kernels/internal/optimized/sse_tensor_utils.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qcore.errors import UnsupportedError
from qcore.numerics.fixedpoint import round_half_away, wrap_int16
from qcore.numerics.float32 import to_int32
from qcore.numerics.gemm import Weights, matmul, prepare_weights
from qcore.op import Node, NodeTensor

__all__ = [
    "HybridWeights",
    "MatrixWeights",
    "Rows",
    "integer_weights",
    "multiply",
    "multiply_accumulate",
    "prepare_hybrid",
    "quantize_rows",
    "row_sums",
]

Float32Array = NDArray[np.float32]
_INT8_RANGE = (-128, 127)


class Rows(NamedTuple):
    """Quantized rows: q int8 [..., K], scale float32 [..., 1], zero_point int64 [..., 1]."""

    q: NDArray[np.int8]
    scale: Float32Array
    zero_point: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HybridWeights:
    """Integer weights [K, N] with the sums of their columns [N] and their scale, float32 [N] or [1]."""

    weights: Weights
    sums: NDArray[np.float64]
    scale: Float32Array


MatrixWeights = Float32Array | HybridWeights
"""Weights [K, N] for `multiply`."""


def integer_weights(n: Node, tensor: NodeTensor) -> NDArray[np.int8]:
    """A constant weight as int8, uint8 read as int8; -128 is refused: TFLite's vector code negates it to itself."""
    if tensor.value is None:
        raise n.unsupported(f"weight tensor {tensor.index} {tensor.name!r} must be a constant")
    value = tensor.value.view(np.int8)
    if (value == -128).any():
        raise n.unsupported(
            f"weight tensor {tensor.index} {tensor.name!r} holds -128; symmetric weights lie in -127 ... 127"
        )
    return value


def prepare_hybrid(w: NDArray[Any], scale: ArrayLike) -> HybridWeights:
    """Weights [N, K] for `multiply_accumulate`; scale: one number or [N]."""
    return HybridWeights(
        prepare_weights(w, 0, _INT8_RANGE), row_sums(w).astype(np.float64), np.atleast_1d(np.asarray(scale, np.float32))
    )


def row_sums(w: NDArray[Any]) -> NDArray[np.int64]:
    """The sums of w [..., K] as vector code adds them up: in eight lanes of 16 bits, which wrap around."""
    depth = w.shape[-1]
    body, half = depth // 16 * 16, depth // 8 * 8
    pairs = w[..., :body].reshape(*w.shape[:-1], body // 16, 8, 2)
    lanes = pairs.sum(axis=(-3, -1), dtype=np.int64)
    if half > body:
        lanes = lanes + w[..., body:half]
    return np.asarray(wrap_int16(lanes).sum(axis=-1) + w[..., half:].sum(axis=-1, dtype=np.int64), np.int64)


def quantize_rows(x: Float32Array, asymmetric: bool) -> Rows:
    """The rows of x [..., K], each with parameters of its own; UnsupportedError where one is out of the ordinary.

    TFLite's range of a row with NaN depends on the order of its numbers; infinities, and rows within 1e-36 of 0, make
    multipliers that are none.
    """
    with np.errstate(all="ignore"):
        reach = np.maximum(x.max(axis=-1, initial=0), -x.min(axis=-1, initial=0))
        if not ((reach == 0) | (np.isfinite(reach) & np.isfinite(np.float32(255) / reach))).all():
            raise UnsupportedError(
                "integer weights multiply float values that are not finite, or all within 1e-36 of 0; what TFLite "
                "quantizes them to is not known. Keep such values out of the model's inputs, or use float weights"
            )
        return _asymmetric(x) if asymmetric else _symmetric(x)


def _symmetric(x: Float32Array) -> Rows:
    reach = np.maximum(x.max(axis=-1, keepdims=True, initial=0), -x.min(axis=-1, keepdims=True, initial=0))
    empty = reach == 0
    steps = _round(x * np.where(empty, np.float32(0), np.float32(127) / reach))
    scale = np.where(empty, np.float32(1), reach / np.float32(127))
    return Rows(np.clip(steps, -127, 127).astype(np.int8), scale, np.zeros(scale.shape, np.int64))


def _asymmetric(x: Float32Array) -> Rows:
    low = x.min(axis=-1, keepdims=True, initial=0)
    high = x.max(axis=-1, keepdims=True, initial=0)
    empty = low == high
    exact = np.where(empty, 1.0, (high - low).astype(np.float64) / 255)
    below, above = low / exact, high / exact
    nearer = np.where(128 + np.abs(below) < 127 + np.abs(above), -128 - below, 127 - above)
    zero_point = np.where(empty, 0, to_int32(round_half_away(np.clip(nearer, *_INT8_RANGE))))
    scale = exact.astype(np.float32)
    steps = _round(x * (np.float32(1) / scale)) + zero_point
    return Rows(np.clip(steps, *_INT8_RANGE).astype(np.int8), scale, zero_point)


def _round(x: Float32Array) -> NDArray[np.int64]:
    """Nearest integers, each as the vector code or its rest rounds it."""
    body = x.shape[-1] // 8 * 8
    half = np.where(x[..., :body] < 0, np.float32(-0.5), np.float32(0.5))
    return to_int32(np.concatenate([x[..., :body] + half, round_half_away(x[..., body:])], axis=-1))


def multiply_accumulate(y: NDArray[Any] | np.float32, rows: Rows, w: HybridWeights) -> Float32Array:
    """y + rows @ w, float32 [..., N]; y broadcasts."""
    acc = matmul(rows.q, w.weights)
    if rows.zero_point.any():
        acc = acc - rows.zero_point * w.sums
    product: Float32Array = acc.astype(np.float32) * (rows.scale * w.scale)
    return np.asarray(y + product, np.float32)


def multiply(y: NDArray[Any] | np.float32, x: Float32Array, w: MatrixWeights, asymmetric: bool) -> Float32Array:
    """y + x @ w, float32 [..., N]; integer weights take the rows of x quantized."""
    if isinstance(w, HybridWeights):
        return multiply_accumulate(y, quantize_rows(x, asymmetric), w)
    return np.asarray(y + np.matmul(x, w), np.float32)
