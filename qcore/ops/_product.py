"""What every sum of products shares: the checks of its operands, the real multiplier, and the way to the result.

    acc = sum((x - zx) * (w - zw)) + bias[c]
    y   = clamp(round(acc * M[c]) + zy)          M = sx * sw / sy

TFLite: kernels/kernel_util.cc (PopulateConvolutionQuantizationParams, GetQuantizedConvolutionMultipler)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import integer_range
from qcore.numerics.requantize import Requantization, Rule, output_stages
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._activation import Bounds, clamp, integer_activation_range
from tflite_schema import ActivationFunctionType, TensorType

__all__ = [
    "STEPS",
    "ProductRules",
    "Tail",
    "centred_range",
    "check_bias_scale",
    "constant",
    "exact_multiplier",
    "float32_multiplier",
    "float_result",
    "integer_tail",
    "multiplier_and_rules",
    "optional_bias",
    "requantization",
    "tail",
    "trace_accumulator",
    "weight_scales",
    "wide_bias_type",
]

ProductRules = Rule | tuple[Rule, Rule]
"""One rule, or that of the channels which vector code takes and that of the last ones, which it leaves over."""
_LANES = 8

STEPS = {
    "quantize_input": "hybrid only: q = round(x / s) + z",
    "accumulate": "sum((x - zx) * (w - zw)); hybrid: sum((q - z) * w)",
    "scale": "hybrid only: acc * s * sw",
    "add_bias": "acc + bias",
    "requantize": "round(acc * M)",
    "add_zero_point": "+ zy",
    "clamp": "clamp to the activation range",
}


@dataclass(frozen=True, slots=True)
class Tail:
    """From the accumulator to the result's integers. `parts`: the rounding of the channels, one rule or two (`tail`).
    `no_bias` stands in for a missing bias and sets the accumulator's width where that matters: 64 bits.
    """

    parts: tuple[tuple[slice, Requantization], ...]
    zero_point: int
    activation_range: tuple[int, int]
    no_bias: NDArray[np.int64] | None = None

    def apply(self, acc: Array, bias: Array | None, dtype: Any, ctx: Context, bound: int | None) -> Array:
        """acc [..., C], exact integers no larger than `bound` -> y [..., C] of `dtype`; traces all but "accumulate"."""
        trace_accumulator(acc, ctx)
        if bias is None:
            bias = self.no_bias
        elif bias.ndim != 1:
            bias = bias.reshape(-1)
        zero_point, interval = self.zero_point, self.activation_range
        return output_stages(acc, bias, self.parts, zero_point, interval, dtype, ctx.trace, bound)


def tail(
    n: Node, multiplier: NDArray[np.float64], rules: ProductRules, fused: ActivationFunctionType, no_bias: bool = False
) -> Tail:
    """The constants of the result; `no_bias`: the accumulator has 64 bits and there is no bias to say so."""
    zeros = np.zeros(1, np.int64) if no_bias else None
    if zeros is not None:
        zeros.flags.writeable = False
    channels = n.output().shape[-1]
    body, rest = (rules, rules) if isinstance(rules, str) else rules
    vectors = channels // _LANES * _LANES if body != rest else 0
    parts = [
        (part, requantization(n, multiplier[part] if multiplier.size > 1 else multiplier, rule))
        for part, rule in ((slice(0, vectors), body), (slice(vectors, channels), rest))
        if part.stop > part.start
    ]
    return Tail(tuple(parts), n.output().zero_point, integer_activation_range(n, fused), zeros)


def integer_tail(
    n: Node, x: NodeTensor, w: NodeTensor, bias_position: int, options: Any, optimized: Rule = "double_rounding"
) -> Tail:
    """The tail of the convolutions, with the checks of weight scales, zero points and bias that belong to x's type.

    optimized: the rule of the optimized kernel for 32-bit accumulators, see `multiplier_and_rules`.
    """
    y, fused, channels = n.output(), options.fused_activation_function, n.output().shape[-1]
    if x.type == TensorType.UINT8:
        weight_scales(n, w, channels, per_channel=False)
        check_bias_scale(n, x, w, optional_bias(n, bias_position, channels, TensorType.INT32), y)
        return tail(n, *multiplier_and_rules(n, float32_multiplier(x, w, y), x, w, optimized), fused)
    weight_scales(n, w, channels)
    bias_type = TensorType.INT32
    if x.type == TensorType.INT16:
        n.require(x.zero_point == y.zero_point == 0, "int16 zero points must be 0")
        bias_type = wide_bias_type(n, getattr(options, "quantized_bias_type", TensorType.FLOAT32))
    optional_bias(n, bias_position, channels, bias_type)
    multiplier = exact_multiplier(x, w, y)
    if bias_type == TensorType.INT64:
        return tail(n, multiplier, "int64_accumulator", fused)
    return tail(n, *multiplier_and_rules(n, multiplier, x, w, optimized), fused)


def multiplier_and_rules(
    n: Node, multiplier: NDArray[np.float64], x: NodeTensor, w: NodeTensor, optimized: Rule
) -> tuple[NDArray[np.float64], ProductRules]:
    """The real multiplier and the rounding of 32-bit accumulators under the node's kernel set.

    `multiplier` is that of the integer kernels. XNNPACK works with float32(float32(sx * sw[c]) / sy). Vector code
    ("vector_half_up") takes eight channels at a time and leaves the last ones to scalar code.
    """
    if n.kernels.name == "xnnpack":
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return (x.scale * w.scales / n.output().scale).astype(np.float64), "float32_half_even"
    if n.kernels.name == "reference":
        return multiplier, "double_rounding"
    if optimized == "vector_half_up":
        return multiplier, ("vector_half_up", "double_rounding")
    if optimized == "ruy_x86" and n.kernels.processor == "arm":
        return multiplier, "single_rounding"
    return multiplier, optimized


def wide_bias_type(n: Node, stated: TensorType) -> TensorType:
    """The bias type of an int16 kernel: int64 unless the options state int32."""
    n.require(
        stated in (TensorType.FLOAT32, TensorType.INT32, TensorType.INT64),
        f"quantized_bias_type {stated!r} is no bias type",
    )
    return TensorType.INT32 if stated == TensorType.INT32 else TensorType.INT64


def trace_accumulator(acc: Array, ctx: Context) -> None:
    """Show the accumulator as what it is: integers."""
    if ctx.trace.recording:
        ctx.trace("accumulate", acc.astype(np.int64))


def float_result(acc: Array, bias: Array | None, interval: Bounds, ctx: Context, step: str = "accumulate") -> Array:
    """acc + bias[c], clamped: the tail of a float32 product, which is traced as `step`. Overwrites acc."""
    y = ctx.trace(step, acc)
    if bias is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            y = ctx.trace("add_bias", y + bias.reshape(-1))
    return ctx.trace("clamp", clamp(y.copy() if ctx.trace.recording else y, interval))


def requantization(n: Node, multiplier: NDArray[np.float64], rule: Rule) -> Requantization:
    """`Requantization.of` with the place in the message."""
    try:
        return Requantization.of(multiplier, rule)
    except ValueError as error:
        n.require(
            False, f"scales {[None if t is None or t.quant is None else t.quant.scale for t in n.inputs]}: {error}"
        )
        raise


def exact_multiplier(x: NodeTensor, w: NodeTensor, y: NodeTensor) -> NDArray[np.float64]:
    """float64(sx) * float64(sw[c]) / float64(sy): [1] or [channels]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        product = float(x.scale) * w.scales.astype(np.float64)
        return np.asarray(product / y.scale.astype(np.float64), np.float64)


def float32_multiplier(x: NodeTensor, w: NodeTensor, y: NodeTensor) -> NDArray[np.float64]:
    """float64(float32(sx * sw)) / float64(sy), per tensor: [1]. The product is rounded to float32."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        product = np.float32(x.scale * w.scale)
        return np.atleast_1d(np.asarray(product.astype(np.float64) / y.scale.astype(np.float64)))


def centred_range(x: NodeTensor) -> tuple[int, int]:
    """Lowest and highest x - zx."""
    low, high = integer_range(x.dtype)
    return low - x.zero_point, high - x.zero_point


def weight_scales(n: Node, w: NodeTensor, channels: int, per_channel: bool = True) -> None:
    """Refuse weight scales that are neither one nor one per output channel."""
    count = w.scales.size
    n.require(count in ((1, channels) if per_channel else (1,)), f"weights have {count} scales for {channels} channels")
    if count > 1:
        assert w.quant is not None
        axis = w.quant.quantized_dimension
        n.require(
            0 <= axis < w.rank and w.shape[axis] == count, f"{count} weight scales along axis {axis} of {w.shape}"
        )


def constant(n: Node, position: int) -> Array:
    """The stored value of an operand of a hybrid kernel, whose sums TFLite works out once, whatever comes later."""
    value = n.input(position).value
    if value is None:
        raise n.unsupported(f"operand {position} must be a constant: integer weights of float32 activations")
    return value


def optional_bias(n: Node, position: int, channels: int, *types: TensorType) -> NodeTensor | None:
    """The bias operand, if there is one; it must have one of `types`, an element per channel, and zero point 0."""
    bias = n.optional_input(position)
    if bias is None:
        return None
    names = " or ".join(t.name.lower() for t in types)
    n.require(bias.type in types, f"bias has type {bias.type.name.lower()}, expected {names}")
    elements = 1
    for size in bias.shape:
        elements *= size
    n.require_shapes(elements == channels, f"bias of shape {bias.shape} for {channels} output channels")
    n.require(bias.zero_point == 0, f"bias has zero point {bias.zero_point}, expected 0")
    return bias


def check_bias_scale(n: Node, x: NodeTensor, w: NodeTensor, bias: NodeTensor | None, y: NodeTensor) -> None:
    """Refuse what TFLite refuses: |sx * sw - sb| / sy > 0.02, in float64; only per-tensor kernels look at sb."""
    if bias is None:
        return
    scale = float(bias.scale) if bias.quant is not None and bias.quant.is_quantized else 0.0
    product = float(x.scale) * float(w.scale)
    n.require(
        abs(product - scale) <= 0.02 * float(y.scale),
        f"bias scale {scale:g}, expected {product:g} = input {x.scale:g} * weight {w.scale:g}",
    )
