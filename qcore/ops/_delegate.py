"""What the XNNPACK delegate asks of a node: the conditions that several operators share, each with its reason.

TFLite: delegates/xnnpack/xnnpack_delegate.cc. XNNPACK: src/tensor.c (the checks of scales and zero points)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qcore.op import Node, NodeTensor
from qcore.ops._scaling import float32_ratio
from tflite_schema import ActivationFunctionType, Padding, TensorType

__all__ = [
    "MOST_DIMENSIONS",
    "have_one_scale",
    "refused_bytes",
    "refused_floats",
    "refused_movement",
    "refused_product",
    "refused_result",
    "refused_scale",
    "refused_tensors",
    "require_kept_rank",
    "require_known_padding",
    "require_known_product",
    "unknown",
]

MOST_DIMENSIONS = 6
_BYTES = (TensorType.INT8, TensorType.UINT8)
_TINY, _HUGE = np.finfo(np.float32).tiny, np.finfo(np.float32).max


def unknown(n: Node, what: str = "this node") -> Exception:
    """What to raise where nobody measured what the delegate does. what: the thing about the node that is in the way."""
    return n.unsupported(f"what XNNPACK makes of {what} is not known; use kernels='reference'")


def refused_tensors(n: Node, *tensors: NodeTensor) -> str | None:
    """The tensors of a node: float32, or 8 bits of one type quantized as a whole, along axis 0; six dimensions.

    No operand is empty. Most operators are taken whatever shape the file gives the result: see `refused_result` for the
    others.
    """
    if all(t.type == TensorType.FLOAT32 for t in tensors):
        return next((reason for reason in (_refused_shape(n, t) for t in tensors) if reason), None)
    for t in tensors:
        if t.type not in _BYTES:
            raise unknown(n, f"{t.type.name.lower()}")
        if t.type != tensors[0].type:
            return "its types are mixed"
        if not _per_tensor(t):
            return f"{t.name!r} is not quantized per tensor"
        reason = _refused_shape(n, t)
        if reason is not None:
            return reason
        if not _TINY <= float(t.scale) <= _HUGE:
            raise unknown(n, f"a scale of {float(t.scale):g}")
    return None


def _refused_shape(n: Node, t: NodeTensor) -> str | None:
    if t.index in {y.index for y in n.outputs}:
        if t.rank > MOST_DIMENSIONS:
            raise n.unsupported(f"TFLite fails to set up a result of shape {t.shape}; use kernels='reference'")
        return None
    return f"{t.name!r} has a shape of {t.shape}" if 0 in t.shape or t.rank > MOST_DIMENSIONS else None


def refused_result(n: Node, lowest: int, highest: int = MOST_DIMENSIONS) -> str | None:
    """The shape that the file gives the result: its rank in lowest to highest, and nothing empty."""
    y = n.output()
    inside = lowest <= y.rank <= highest and 0 not in y.shape
    return None if inside else f"the file gives its result a shape of {y.shape}"


def refused_floats(n: Node) -> str | None:
    """An elementwise operator that XNNPACK takes in float32; all that the node has is an operand."""
    tensors = [t for t in n.inputs if t is not None]
    if any(t.type != TensorType.FLOAT32 for t in (*tensors, n.output())):
        raise unknown(n)
    return refused_tensors(n, *tensors, n.output())


def refused_bytes(n: Node) -> str | None:
    """An elementwise operator that XNNPACK takes in 8 bits whatever its scales."""
    return refused_tensors(n, n.input(0), n.output())


def refused_movement(n: Node, x: NodeTensor, *results: NodeTensor) -> str | None:
    """Values that are only moved. Into a result of another scale or zero point XNNPACK fails, or copies them."""
    if any(0 in t.shape or t.rank == 0 for t in (x, *results)):
        raise unknown(n, "empty or scalar tensors")
    reason = refused_tensors(n, x, *results)
    if reason is None and not all(have_one_scale(x, y) for y in results):
        raise unknown(n, "a movement into another scale or zero point")
    return reason


def have_one_scale(x: NodeTensor, y: NodeTensor) -> bool:
    """Whether x and y are float32, or have one scale and zero point."""
    return x.type == TensorType.FLOAT32 or (x.scale, x.zero_point) == (y.scale, y.zero_point)


def _per_tensor(t: NodeTensor) -> bool:
    quant = t.quant
    whole = quant is not None and quant.is_quantized and quant.scale.size == 1 and quant.quantized_dimension == 0
    return whole and (t.type == TensorType.INT8 or (quant is not None and quant.zero_point.size == 1))


def refused_scale(ratio: float, lowest: float, highest: float, *, closed: bool = False) -> str | None:
    """A ratio of scales must lie in [lowest, highest), or with `closed` in [lowest, highest]."""
    inside = lowest <= ratio and (ratio <= highest if closed else ratio < highest)
    return None if inside else f"the scales give {ratio:g}, not within {lowest:g} and {highest:g}"


def require_kept_rank(n: Node, fused: ActivationFunctionType) -> None:
    """UnsupportedError where LiteRT 2.3's XNNPACK gives the result fewer dimensions than it has: the constant operand
    is one number of more dimensions than the other operand, and there is an activation.
    """
    for constant, other in ((n.input(0), n.input(1)), (n.input(1), n.input(0))):
        lost = constant.value is not None and constant.value.size == 1 and constant.rank > other.rank
        if lost and n.kernels.version == "litert-2.3" and fused != ActivationFunctionType.NONE:
            raise n.unsupported("XNNPACK drops leading dimensions of its result; use kernels='reference'")


def require_known_padding(n: Node, padding: Padding, window: Sequence[int], strides: Sequence[int]) -> None:
    """UnsupportedError for SAME padding where a stride leaves gaps: there XNNPACK's padding is below 0."""
    gaps = any(stride > size for size, stride in zip(window, strides, strict=True))
    if padding == Padding.SAME and gaps and max(window) > 1:
        raise unknown(n, "SAME padding with a stride beyond the window")


def refused_product(
    n: Node, axis: int, bias_required: bool, operands: tuple[int, int, int] = (0, 1, 2), *, int4: bool = False
) -> str | None:
    """A convolution or matrix product in 8 bits or float32; `axis`: where scales of channels must run.

    operands: the places of input, weights and bias; int4: int8 activations may have int4 weights.
    """
    x, w, b, y = n.input(operands[0]), n.input(operands[1]), n.optional_input(operands[2]), n.output()
    reason = refused_tensors(n, x, y)
    if reason is not None:
        return reason
    if w.type != x.type and not (int4 and (x.type, w.type) == (TensorType.INT8, TensorType.INT4)):
        return "its types are mixed"
    if w.value is None or (b is not None and b.value is None):
        return "its weights or its bias are not constant"
    if b is None and bias_required:
        return "it has no bias"
    if x.type == TensorType.FLOAT32:
        return None if b is None else refused_tensors(n, w, b)
    if w.type == TensorType.UINT8 and not _per_tensor(w):
        return "its weights are not quantized per tensor"
    if w.scales.size > 1 and (w.quant is None or w.quant.quantized_dimension != axis):
        return "its weights' scales run along another axis"
    if b is not None and (b.quant is None or not b.quant.is_quantized or b.quant.quantized_dimension != 0):
        return "its bias is not quantized"
    depth = w.value.size // max(w.shape[axis], 1)
    require_known_product(
        n, x, w, depth, 0 if b is None or b.value is None else float(np.abs(b.value.astype(np.float64)).max())
    )
    if not all(_TINY <= float(s) <= _HUGE for s in (*w.scales, *(() if b is None else b.scales))):
        raise unknown(n, "scales of weights or bias this small or large")
    return None


def require_known_product(n: Node, x: NodeTensor, w: NodeTensor, depth: int, bias: float = 0) -> None:
    """UnsupportedError for scales that XNNPACK refuses to set up, and where sums of `depth` products leave int32."""
    scales = [float32_ratio(x.scale, s, over=n.output().scale) for s in w.scales]
    if not max(scales) < 256:
        raise n.unsupported(
            "XNNPACK fails to set up scales of 256 and more, and TFLite with it; use kernels='reference'"
        )
    reach = depth * 255 * 255 + bias
    if w.type == TensorType.INT4:  # held 16-fold
        reach = (depth * 255 * 8 + bias) * 16
    if reach * max(1.0, *scales) >= 2.0**31:  # what its kernels do beyond int32 differs among them
        raise unknown(n, "sums that can leave int32, as these products and this bias can,")
