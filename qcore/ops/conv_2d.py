"""CONV_2D: a 2-D convolution, in integers or in float32.

    acc = sum((x - zx) * (w[c] - zw)) + bias[c]
    y   = clamp(round(acc * M[c]) + zy)              M = sx * sw / sy, held as int32 multiplier and shift

x [N, H, W, C], w [O, KH, KW, C / groups], bias [O], y [N, OH, OW, O]; padding contributes x = zx. Weights are int8 or
int4 with zw = 0 and one scale or one per output channel; uint8 has one scale, any zw, and rounds sx * sw to float32.
int16: zero points are 0; int64 accumulators, or int32 ones where the options name an int32 bias.
Hybrid: y = clamp((acc * sw) * s + bias) with one scale s and zero point for each image, worked out as it arrives; where
all sw are equal the zero point is 0 and y = clamp(acc * (s * sw) + bias). See _hybrid.py; XNNPACK: _dynamic.py.
TFLite: kernels/conv.cc; internal/reference/conv.h, internal/reference/integer_ops/conv.h
"""

from __future__ import annotations

from qcore.numerics.window import Geometry
from qcore.op import Node, Op, Shape
from qcore.ops._activation import bounds
from qcore.ops._conv import (
    CENTRED_RANGE,
    FloatParams,
    HybridParams,
    Order,
    Params,
    check_types,
    eval_float32,
    eval_hybrid,
    eval_quantized,
    float_weights,
    prepare_weights,
    window,
)
from qcore.ops._delegate import refused_product, refused_result, require_known_padding
from qcore.ops._dynamic import refused_dynamic
from qcore.ops._hybrid import integer_weights
from qcore.ops._product import STEPS, centred_range, constant, integer_tail, optional_bias, weight_scales
from qcore.rules import Rules, activation, bias, weight
from tflite_schema import Conv2DOptions, TensorType


def infer(n: Node) -> list[Shape]:
    options, x, w = n.options(Conv2DOptions), n.input(0), n.input(1)
    n.require_shapes(x.rank == 4 and w.rank == 4, f"input {x.shape} and weights {w.shape} must have 4 dimensions")
    n.require_shapes(min(*x.shape[1:], *w.shape) > 0, f"input {x.shape} or weights {w.shape} have an empty dimension")
    groups, rest = divmod(x.shape[3], w.shape[3])
    n.require_shapes(
        rest == 0 and w.shape[0] % groups == 0, f"{x.shape[3]} input channels do not fall into groups of {w.shape}"
    )
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    return [(x.shape[0], *g.output, w.shape[0])]


def prepare(n: Node) -> Params | FloatParams | HybridParams:
    options, x, w = n.options(Conv2DOptions), n.input(0), n.input(1)
    hybrid = check_types(n, x, w)
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    groups = x.shape[3] // w.shape[3]
    n.require(n.optional_input(2) is not None, "the bias is missing; TFLite requires one")
    if hybrid:
        return _prepare_hybrid(n, g, groups)
    if x.type == TensorType.FLOAT32:
        optional_bias(n, 2, w.shape[0], x.type)
        weights = None if w.value is None else float_weights(w.value)
        return FloatParams(g, groups, weights, bounds(n, options.fused_activation_function))
    if x.type != TensorType.UINT8:
        n.require(
            w.quant is None or not w.quant.zero_point.any(), "signed weights have a zero point; TFLite requires 0"
        )
    tail = integer_tail(n, x, w, 2, options, "ruy_x86" if groups == 1 else "double_rounding")
    zero_point = w.zero_point if x.type == TensorType.UINT8 else 0
    input_range = centred_range(x)
    prepared = None if w.value is None else prepare_weights(w.value, zero_point, input_range)
    return Params(g, groups, x.zero_point, zero_point, input_range, prepared, tail)


def _prepare_hybrid(n: Node, g: Geometry, groups: int) -> HybridParams:
    w = n.input(1)
    optional_bias(n, 2, w.shape[0], TensorType.FLOAT32)
    weight_scales(n, w, w.shape[0])
    per_channel = bool((w.scales != w.scales[0]).any())
    if groups > 1 and not per_channel:
        raise n.unsupported("a grouped convolution with integer weights needs a scale for each channel")
    scale = w.scales if per_channel else w.scales[:1]
    vectors = not per_channel and w.shape[0] % 4 > 0  # otherwise an exact matrix product runs
    value = integer_weights(n, w) if vectors else constant(n, 1)
    prepared = prepare_weights(value, 0, CENTRED_RANGE)
    activation_bounds = bounds(n, n.options(Conv2DOptions).fused_activation_function)
    if n.kernels.name == "xnnpack":
        order: Order = "xnnpack_pixels" if groups == 1 and _is_fully_connected(w.shape, g) else "xnnpack"
        return HybridParams(g, groups, True, w.scales, order, prepared, activation_bounds)
    weight_first = per_channel and (n.kernels.name == "reference" or groups > 1)
    order = "weight_scale_first" if weight_first else "scales_first"
    return HybridParams(g, groups, per_channel, scale, order, prepared, activation_bounds)


def _is_fully_connected(weights: Shape, g: Geometry) -> bool:
    """XNNPACK makes a FULLY_CONNECTED of pixels of it; not of one channel to one."""
    return weights[1:3] == g.strides == (1, 1) and weights[0] + weights[3] > 2


def version(n: Node) -> int:
    x, w = n.input(0), n.input(1)
    if x.rank == w.rank == 4 and x.shape[3] != w.shape[3]:
        return 6
    if x.type == TensorType.FLOAT32 and w.type == TensorType.INT8:
        return 5 if w.scales.size == w.shape[0] else 2
    if x.type in (TensorType.INT8, TensorType.INT16):
        return 7 if w.type == TensorType.INT4 else 3
    return 1


def refused(n: Node) -> str | None:
    """XNNPACK takes 8-bit weights and bias that are constant."""
    o, (height, width) = n.options(Conv2DOptions), n.input(1).shape[1:3]
    covered = (height - 1) * o.dilation_h_factor + 1, (width - 1) * o.dilation_w_factor + 1
    require_known_padding(n, o.padding, covered, (o.stride_h, o.stride_w))
    reason = refused_result(n, 4, 4)
    if reason is not None:
        return reason
    if n.input(0).type == TensorType.FLOAT32 != n.input(1).type:
        return refused_dynamic(n, axis=0, bias_required=True)
    return refused_product(n, axis=0, bias_required=True)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "uint8": eval_quantized,
        "int8": eval_quantized,
        "int16": eval_quantized,
        "hybrid": eval_hybrid,
    },
    rules=Rules(inputs=(activation(), weight(axis=0), bias(of=(0, 1)))),
    steps=STEPS,
    version=version,
    refused=refused,
)
