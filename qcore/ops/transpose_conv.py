"""TRANSPOSE_CONV: the gradient of a convolution: every input pixel adds its window of products to the result.

    acc[i * stride + k - pad] += (x[i] - zx) * (w[c, k] - zw)          then + bias[c]
    y = clamp(round(acc * M[c]) + zy)                                  M = sx * sw / sy, int32 multiplier and shift

Operands: the result's shape [N, OH, OW, O] as int32, w [O, KH, KW, C], x [N, H, W, C], bias [O] or none. H and W must
be what a convolution of the result would give. Weights are int8 with zw ignored and one scale or one per output
channel; uint8 has one scale, any zw, and rounds sx * sw to float32. int16: zero points are 0; int64 accumulators, or
int32 ones where the options name an int32 bias.
Hybrid: one scale s and zero point for each image of x, see _hybrid.py; every product of two numbers is scaled by sw and
s in float32 before it is added, in the order of the input.
TFLite: kernels/transpose_conv.cc; internal/reference/transpose_conv.h, internal/reference/integer_ops/transpose_conv.h
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import gemm
from qcore.numerics.gemm import Weights
from qcore.numerics.trace import Trace
from qcore.numerics.window import Geometry
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._activation import Bounds, bounds
from qcore.ops._conv import CENTRED_RANGE, check_types, window
from qcore.ops._delegate import refused_product
from qcore.ops._dynamic import dynamic_result, dynamic_rows, refused_dynamic
from qcore.ops._hybrid import quantize_rows
from qcore.ops._lanes import Lanes
from qcore.ops._product import (
    STEPS,
    Tail,
    centred_range,
    float32_multiplier,
    float_result,
    integer_tail,
    optional_bias,
    tail,
    trace_accumulator,
    weight_scales,
)
from qcore.ops._transposed import canvas, places, scatter
from qcore.rules import Rules, activation, bias, untouched, weight
from tflite_schema import ActivationFunctionType, Padding, TensorType, TransposeConvOptions

_TILE = 1 << 20  # products held at a time by the hybrid kernel


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of an integer product; `geometry` is that of the convolution from result to input.

    vector: the results that uint8's vector code makes, counted through the whole of them, and its rounding.
    """

    shape: Shape
    geometry: Geometry
    input_zero_point: int
    weight_zero_point: int
    input_range: tuple[int, int]
    weights: Weights | None
    tail: Tail
    vector: tuple[Lanes, Tail] | None = None


@dataclass(frozen=True, slots=True)
class FloatParams:
    """The same for float32."""

    shape: Shape
    geometry: Geometry
    activation: Bounds


@dataclass(frozen=True, slots=True)
class HybridParams:
    """The same for float32 input and int8 weights; `weights` are XNNPACK's, which adds integers up."""

    shape: Shape
    geometry: Geometry
    weights: Weights | None
    scale: NDArray[np.float32]
    activation: Bounds


def infer(n: Node) -> list[Shape | None]:
    options, w, x = n.options(TransposeConvOptions), n.input(1), n.input(2)
    n.require(
        n.input(0).type == TensorType.INT32, f"the result's shape has type {n.input(0).type.name.lower()}, not int32"
    )
    n.require_shapes(w.rank == 4 and x.rank == 4, f"weights {w.shape} and input {x.shape} must have 4 dimensions")
    n.require_shapes(min(*x.shape[1:], *w.shape) > 0, f"input {x.shape} or weights {w.shape} have an empty dimension")
    n.require_shapes(x.shape[3] == w.shape[3], f"weights {w.shape} do not fit {x.shape[3]} input channels")
    sizes = n.integers(0)
    if sizes is None:
        return [None]
    n.require_shapes(len(sizes) == 4 and min(sizes[1:]) > 0, f"{sizes} is no shape of four dimensions")
    shape = (sizes[0], sizes[1], sizes[2], sizes[3])
    n.require_shapes(
        shape[0] == x.shape[0] and shape[3] == w.shape[0], f"result {shape} does not fit input and weights"
    )
    g = window(n, shape, w.shape[1:3], options)
    n.require_shapes(
        g.output == x.shape[1:3], f"a result {shape} belongs to an image {g.output}, the input is {x.shape}"
    )
    return [shape]


def prepare(n: Node) -> Params | FloatParams | HybridParams:
    options, w, x = n.options(TransposeConvOptions), n.input(1), n.input(2)
    hybrid = check_types(n, x, w, int4=False)
    g = window(n, n.output().shape, w.shape[1:3], options)
    if x.type == TensorType.FLOAT32:
        optional_bias(n, 3, w.shape[0], x.type)
        if hybrid:
            weight_scales(n, w, w.shape[0])
            value = w.value if n.kernels.name == "xnnpack" else None
            integers = None if value is None else prepare_weights(value, 0, CENTRED_RANGE)
            return HybridParams(n.output().shape, g, integers, w.scales, bounds(n, options.fused_activation_function))
        return FloatParams(n.output().shape, g, bounds(n, options.fused_activation_function))
    end = integer_tail(n, x, w, 3, options, "double_rounding" if x.type == TensorType.UINT8 else "vector_half_up")
    vector = None
    if x.type == TensorType.UINT8 and n.kernels.name == "optimized":
        body = tail(n, float32_multiplier(x, w, n.output()), "vector_half_up", options.fused_activation_function)
        vector = Lanes.of(math.prod(n.output().shape), 16), body
    zero_point = w.zero_point if x.type == TensorType.UINT8 else 0
    input_range = centred_range(x)
    prepared = None if w.value is None else prepare_weights(w.value, zero_point, input_range)
    return Params(n.output().shape, g, x.zero_point, zero_point, input_range, prepared, end, vector)


def prepare_weights(w: Array, zero_point: int, input_range: tuple[int, int]) -> Weights:
    """w - zw as [C, KH * KW * O]: one row of products for every tap and output channel."""
    return gemm.prepare_weights(w.transpose(1, 2, 0, 3).reshape(-1, w.shape[3]), -zero_point, input_range)


def eval_quantized(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    _, w, x, *rest = inputs
    weights = p.weights
    if weights is None:
        weights = prepare_weights(w, p.weight_zero_point, p.input_range)
    products = gemm.matmul(np.subtract(x, np.float32(p.input_zero_point), dtype=np.float32), weights)
    bound = weights.accumulator_bound * w.shape[1] * w.shape[2]
    if bound > gemm.FLOAT32_LIMIT:
        products = products.astype(np.float64, copy=False)
    acc = scatter(products, p.geometry, p.shape)
    bias = rest[0] if rest else None
    if p.vector is None:
        return [p.tail.apply(acc, bias, x.dtype, ctx, bound)]
    lanes, vector = p.vector

    def tails(end: Tail) -> Callable[[Trace], Array]:
        return lambda trace: end.apply(acc.copy(), bias, x.dtype, replace(ctx, trace=trace), bound)

    return [lanes.join(tails(vector), tails(p.tail), p.shape, ctx.trace)]


def eval_float32(p: FloatParams, inputs: list[Any], ctx: Context) -> list[Array]:
    _, w, x, *rest = inputs
    products = np.matmul(x, w.transpose(3, 1, 2, 0).reshape(w.shape[3], -1))
    return [float_result(scatter(products, p.geometry, p.shape), rest[0] if rest else None, p.activation, ctx)]


def eval_hybrid(p: HybridParams, inputs: list[Any], ctx: Context) -> list[Array]:
    """Every product becomes a float32 before it is added, in the order of the input's rows, columns and channels."""
    _, w, x, *rest = inputs
    flat = x.reshape(x.shape[0], math.prod(x.shape[1:]))
    if p.weights is not None:
        return [_eval_dynamic(p, p.weights, flat, x.shape, rest[0] if rest else None, ctx)]
    images = quantize_rows(flat, True)
    ctx.trace("quantize_input", images.q.reshape(x.shape))
    q = np.subtract(images.q, images.zero_point, dtype=np.float32).reshape(*x.shape, 1)
    s = images.scale.reshape(-1, 1, 1, 1, 1)
    whole, image = canvas(p.geometry, p.shape, np.float32)
    rows = max(1, _TILE // (math.prod(x.shape[2:]) * w.shape[0]))
    for i, j in reversed(list(np.ndindex(p.geometry.kernel))):  # the last tap of a window belongs to the first pixel
        kernel = w[:, i, j].T.astype(np.float32)
        place = places(whole, p.geometry, (i, j))
        for row in range(0, x.shape[1], rows):
            part = place[:, row : row + rows]
            terms = q[:, row : row + rows] * kernel * p.scale * s
            terms[:, :, :, 0] += part
            part[...] = np.add.accumulate(terms, axis=3)[:, :, :, -1]
    return [float_result(image.copy(), rest[0] if rest else None, p.activation, ctx, "scale")]


def _eval_dynamic(p: HybridParams, w: Weights, x: Array, shape: Shape, bias: Array | None, ctx: Context) -> Array:
    rows = dynamic_rows(x)
    q = ctx.trace("quantize_input", rows.q.reshape(shape))
    centred = np.subtract(q, rows.zero_point.reshape(-1, 1, 1, 1), dtype=np.float32)
    acc = scatter(gemm.matmul(centred, w).astype(np.float64), p.geometry, p.shape)
    trace_accumulator(acc, ctx)
    return dynamic_result(acc, rows.scale.reshape(-1, 1, 1, 1), p.scale, bias, p.activation, ctx)


def refused(n: Node) -> str | None:
    """XNNPACK takes a constant shape, and windows that leave no gaps where the padding is SAME."""
    options, kernel = n.options(TransposeConvOptions), n.input(1).shape[1:3]
    if n.input(0).value is None:
        return "its result's shape is not constant"
    if options.padding == Padding.SAME and (kernel[0] < options.stride_h or kernel[1] < options.stride_w):
        return "its strides are larger than its window"
    take = refused_dynamic if n.input(2).type == TensorType.FLOAT32 != n.input(1).type else refused_product
    reason = take(n, axis=0, bias_required=False, operands=(2, 1, 3))
    sizes = zip(n.output().shape[1:3], (options.stride_h, options.stride_w), kernel, strict=True)
    if reason is None and any(size < stride <= window for size, stride, window in sizes):
        raise n.unsupported("XNNPACK crashes TFLite where a stride is larger than the result; use kernels='reference'")
    return reason


def version(n: Node) -> int:
    options, x = n.options(TransposeConvOptions), n.input(2)
    if options.fused_activation_function != ActivationFunctionType.NONE:
        return 4
    if n.optional_input(3) is not None or x.type == TensorType.INT16:
        return 3
    return 2 if n.input(1).type == TensorType.INT8 else 1


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
    rules=Rules(inputs=(untouched(), weight(axis=0), activation(), bias(of=(2, 1)))),
    steps=STEPS,
    version=version,
    typed_by=2,
    refused=refused,
)
