"""Layer normalization of an LSTM's 16-bit gates, in integers.

    mean = trunc(1024 * sum(a) / n);  variance = trunc((sum(a^2) * (2^20 // n) - mean^2) / 2^20)
    r    = round((1024 * a - mean) / sqrt(variance))         a variance below 1 is replaced by a guard
    v    = trunc((r * w + b) / 1024), half a unit added towards its sign
    y    = clip16(round(v, 2^12 * sw))

TFLite: kernels/internal/reference/portable_tensor_utils.cc (PortableApplyLayerNorm)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.fixedpoint import (
    Int64Array,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from qcore.numerics.gemmlowp import inverse_sqrt_quantized_multiplier
from qcore.op import Array, Node

__all__ = ["LayerNorm", "layer_normalize", "prepare_layer_norm"]


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Coefficients and bias of one gate, the coefficients' scale as a multiplier, and the least variance."""

    weights: Int64Array
    bias: Int64Array
    multiplier: int
    shift: int
    guard: int


def prepare_layer_norm(n: Node, weights: int, bias: int) -> LayerNorm:
    """The constants of one gate from the positions of its coefficients and its bias."""
    w, b = n.input(weights), n.input(bias)
    if w.value is None or b.value is None:
        raise n.unsupported("layer normalization coefficients and biases must be constants")
    n.require(bool(0 < w.scale < 2**15), f"operand {weights} has scale {w.scale}")
    multiplier, shift = quantize_multiplier(float(w.scale))
    guard = max(1, int(np.float32(10000) * w.scale))
    return LayerNorm(w.value.astype(np.int64), b.value.astype(np.int64), multiplier, shift, guard)


def layer_normalize(a: Array, p: LayerNorm) -> Int64Array:
    """The normalized gate, int16 values, for a [batch, units] of int16 values."""
    a = a.astype(np.int64)
    units = a.shape[-1]
    mean = _divide(a.sum(axis=-1, keepdims=True) * 1024, units)
    variance = _divide((a * a).sum(axis=-1, keepdims=True) * ((1 << 20) // units) - mean * mean, 1 << 20)
    variance = wrap_int32(variance)
    multiplier, shift = inverse_sqrt_quantized_multiplier(np.where(variance < 1, p.guard, variance))
    rescaled = multiply_by_quantized_multiplier(wrap_int32(1024 * a - mean), multiplier, shift)
    value = wrap_int32(rescaled * p.weights + p.bias)
    value = _divide(np.where(value > 0, value + 512, value - 512), 1024)
    return np.clip(multiply_by_quantized_multiplier(value, p.multiplier, p.shift + 12), -32768, 32767)


def _divide(a: Int64Array, b: int) -> Int64Array:
    """C's integer division: towards zero."""
    return np.asarray(np.sign(a) * (np.abs(a) // b), np.int64)
