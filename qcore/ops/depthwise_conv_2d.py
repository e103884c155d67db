"""DEPTHWISE_CONV_2D: every input channel is convolved with its own windows, `depth_multiplier` of them.

    acc = sum((x[ci] - zx) * (w[c] - zw)) + bias[c]          ci = c // depth_multiplier
    y   = clamp(round(acc * M[c]) + zy)                      M = sx * sw / sy, held as int32 multiplier and shift

x [N, H, W, C], w [1, KH, KW, C * depth_multiplier], bias [C * depth_multiplier] or none. Weights are int8 or int4
with zw = 0 and one scale or one per output channel; uint8 has one scale, any zw, and rounds sx * sw to float32. int16:
zero points are 0, int64 accumulators and bias. The depth multiplier is read from the shapes; with int16 the option must
agree.
Hybrid: y = clamp(acc * (sw * s) + bias) with one scale s and zero point for each image, see _hybrid.py; optimized:
(acc * sw) * s for channels in fours, (acc * s) * sw for those left over.
TFLite: kernels/depthwise_conv.cc; internal/reference/integer_ops/depthwise_conv.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics.gemm import DepthwiseWeights
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
    prepare_depthwise,
    window,
)
from qcore.ops._delegate import refused_product, refused_result, require_known_padding, unknown
from qcore.ops._product import STEPS, centred_range, constant, integer_tail, optional_bias, weight_scales
from qcore.rules import Rules, activation, bias, weight
from tflite_schema import DepthwiseConv2DOptions, TensorType


def infer(n: Node) -> list[Shape]:
    options, x, w = n.options(DepthwiseConv2DOptions), n.input(0), n.input(1)
    n.require_shapes(x.rank == 4 and w.rank == 4, f"input {x.shape} and weights {w.shape} must have 4 dimensions")
    n.require_shapes(min(*x.shape[1:], *w.shape) > 0, f"input {x.shape} or weights {w.shape} have an empty dimension")
    n.require_shapes(
        w.shape[0] == 1 and w.shape[3] % x.shape[3] == 0, f"weights {w.shape} do not fit {x.shape[3]} input channels"
    )
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    return [(x.shape[0], *g.output, w.shape[3])]


def prepare(n: Node) -> Params | FloatParams | HybridParams:
    options, x, w = n.options(DepthwiseConv2DOptions), n.input(0), n.input(1)
    hybrid = check_types(n, x, w, int4=x.type == TensorType.INT8)
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    if n.kernels.name == "optimized" and x.type != TensorType.INT16 and n.optional_input(2) is None:
        raise n.unsupported("TFLite's optimized kernel crashes without a bias; add one of zeros")
    fused = bounds(n, options.fused_activation_function)
    if x.type == TensorType.FLOAT32:
        optional_bias(n, 2, w.shape[3], x.type)
    if x.type == w.type == TensorType.FLOAT32:
        return FloatParams(g, 0, None if w.value is None else DepthwiseWeights(np.asarray(w.value[0]), 0), fused)
    if hybrid or x.type == TensorType.INT16:
        stated, found = options.depth_multiplier, w.shape[3] // x.shape[3]
        n.require(stated == found, f"depth_multiplier {stated}, shapes say {found}")
    if hybrid:
        weight_scales(n, w, w.shape[3])
        n.require(w.scales.size == w.shape[3], f"weights have {w.scales.size} scales for {w.shape[3]} channels")
        if n.kernels.processor == "arm":
            raise n.unsupported("the order of the float steps on ARM is not known; use kernels='reference'")
        order: Order = "scales_first" if n.kernels.name == "reference" else "vectors"
        return HybridParams(g, 0, True, w.scales, order, prepare_depthwise(constant(n, 1), 0, CENTRED_RANGE), fused)
    tail = integer_tail(n, x, w, 2, options, "vector_half_up" if x.type == TensorType.INT8 else "double_rounding")
    zero_point = w.zero_point if x.type == TensorType.UINT8 else 0
    input_range = centred_range(x)
    prepared = None if w.value is None else prepare_depthwise(w.value, zero_point, input_range)
    return Params(g, 0, x.zero_point, zero_point, input_range, prepared, tail)


def version(n: Node) -> int:
    options, x, w = n.options(DepthwiseConv2DOptions), n.input(0), n.input(1)
    if x.type == TensorType.FLOAT32 and w.type == TensorType.INT8:
        return 6 if w.scales.size == w.shape[3] else 4
    if x.type in (TensorType.INT8, TensorType.INT16):
        return 7 if w.type == TensorType.INT4 else 3
    return 1 if options.dilation_h_factor == options.dilation_w_factor == 1 else 2


def refused(n: Node) -> str | None:
    """XNNPACK takes 8-bit weights and bias that are constant, and believes the depth multiplier."""
    x, w, stated = n.input(0), n.input(1), n.options(DepthwiseConv2DOptions).depth_multiplier
    if x.type == TensorType.FLOAT32 != w.type:
        return "its types are mixed"
    if x.rank != 4 or (x.type in (TensorType.INT8, TensorType.UINT8) and stated * x.shape[3] != w.shape[3]):
        raise unknown(n, "a depth multiplier that contradicts the shapes, or other than four dimensions,")
    o, (height, width) = n.options(DepthwiseConv2DOptions), w.shape[1:3]
    covered = (height - 1) * o.dilation_h_factor + 1, (width - 1) * o.dilation_w_factor + 1
    require_known_padding(n, o.padding, covered, (o.stride_h, o.stride_w))
    reason = refused_result(n, 4, 4) or refused_product(n, axis=3, bias_required=True)
    if reason is None and w.type == TensorType.INT8 and w.quant is not None and w.quant.zero_point.any():
        raise n.unsupported("XNNPACK fails to set up signed weights with a zero point; use kernels='reference'")
    return reason


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
    rules=Rules(inputs=(activation(), weight(axis=3), bias(of=(0, 1)))),
    steps=STEPS,
    version=version,
    refused=refused,
)
