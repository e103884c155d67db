"""XNNPACK's float rows times int8 or int4 weights: each row is quantized as it arrives, in float32, always asymmetric.

    l = min(x, 0), h = max(x, 0);  m = 255 / (h - l), 1 for a row of zeros
    z = -128 - l * m or 127 - h * m, the one nearer to its end, clamped and rounded
    q = clamp(round(x * m) + z)                                                       halves go to the even number
    y = clamp(fma(acc * (1 / m), sw[c], bias[c]))                        acc = sum((q - z) * w), a missing bias is 0

A row: of FULLY_CONNECTED one; of CONV_2D an image, or a pixel where the window and its strides are 1 x 1 and there are
no groups, nor one channel alone on both sides. All steps are float32; the last product and sum are rounded once.
Measured on x86-64 with FMA.
XNNPACK: src/xnnpack/quantization.h, src/f32-qs8-vcvt/avx512skx.c.in, src/qs8-gemm/MRxNRc8-avx512vnni.c.in
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import UnsupportedError
from qcore.numerics.float32 import Float32Array, fused_multiply_add, round_half_even_int32
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._activation import Bounds, clamp
from qcore.ops._delegate import MOST_DIMENSIONS, unknown
from qcore.ops._hybrid import Rows
from tflite_schema import TensorType

__all__ = ["dynamic_result", "dynamic_rows", "refused_dynamic"]

_LOWEST, _HIGHEST = np.float32(-128), np.float32(127)
_SMALLEST = float(np.finfo(np.float32).tiny)


def dynamic_rows(x: Float32Array) -> Rows:
    """The rows of x [..., K], each with parameters of its own; UnsupportedError where a range is beyond float32."""
    with np.errstate(all="ignore"):
        low = x.min(axis=-1, keepdims=True, initial=0)
        high = x.max(axis=-1, keepdims=True, initial=0)
        m = np.where(low == high, np.float32(1), np.float32(255) / (high - low))
        if not ((m > _SMALLEST) & (m < 1 / _SMALLEST)).all():
            raise UnsupportedError(
                "what XNNPACK makes of float values that are not finite, or of a range too wide or too narrow for "
                "float32 (up to 3e-36, or beyond 2e+38), is not known; use kernels='reference'"
            )
        from_low, from_high = low * m, high * m
        nearer = (_LOWEST + from_low) + (_HIGHEST + from_high) > 0
        end = np.where(nearer, _LOWEST - from_low, _HIGHEST - from_high)
        zero_point = round_half_even_int32(np.clip(end, _LOWEST, _HIGHEST))
        q = np.clip(round_half_even_int32(x * m) + zero_point, -128, 127).astype(np.int8)
        return Rows(q, np.asarray(np.float32(1) / m, np.float32), zero_point)


def dynamic_result(
    acc: NDArray[Any],
    scale: Float32Array,
    weight_scale: Float32Array,
    bias: Array | None,
    interval: Bounds,
    ctx: Context,
) -> Float32Array:
    """fma(acc * scale, weight_scale, bias), clamped; scale: 1 / m of each row, with acc's number of dimensions."""
    product = ctx.trace("scale", acc.astype(np.float32) * scale)
    y = fused_multiply_add(product, weight_scale, np.float32(0) if bias is None else bias.reshape(-1))
    y = ctx.trace("add_bias", y)
    return np.asarray(ctx.trace("clamp", clamp(y.copy() if ctx.trace.recording else y, interval)))


def refused_dynamic(
    n: Node, axis: int, bias_required: bool, operands: tuple[int, int, int] = (0, 1, 2), *, int4: bool = False
) -> str | None:
    """Why XNNPACK does not take a product of float32 activations and int8 (int4) weights; see `refused_product`."""
    x, w, bias, y = n.input(operands[0]), n.input(operands[1]), n.optional_input(operands[2]), n.output()
    if w.type != TensorType.INT8 and not (int4 and w.type == TensorType.INT4):
        return "its types are mixed"
    if w.value is None:
        return "its weights are not constant"
    if bias is None and bias_required:
        return "it has no bias"
    if w.scales.size > 1 and (w.quant is None or w.quant.quantized_dimension != axis):
        return "its weights' scales run along another axis"
    for t in (x, w, y):
        if 0 in t.shape or t.rank > MOST_DIMENSIONS:
            return f"{t.name!r} has a shape of {t.shape}"
    if bias is not None and (bias.value is None or bias.type != TensorType.FLOAT32):
        raise unknown(n)
    if n.kernels.processor != "x86" or not _plain_scales(w):
        raise unknown(n)
    return None


def _plain_scales(w: NodeTensor) -> bool:
    assert w.quant is not None
    return not w.quant.zero_point.any() and bool((w.scales >= _SMALLEST).all())
