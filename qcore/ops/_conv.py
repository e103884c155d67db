"""Convolutions: their window, their operand types, and the sums of products over a padded image.

x [N, H, W, C]; padding contributes x = zx, which is zero once the zero point is subtracted.
TFLite: kernels/conv.cc, kernels/depthwise_conv.cc; kernels/padding.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import gemm
from qcore.numerics.float32 import Float32Array
from qcore.numerics.gemm import DepthwiseWeights, Weights
from qcore.numerics.window import Geometry, geometry, offset_and_pad, patches
from qcore.op import Array, Context, Node, NodeTensor, Shape
from qcore.ops._activation import Bounds
from qcore.ops._dynamic import dynamic_result, dynamic_rows
from qcore.ops._hybrid import quantize_rows
from qcore.ops._product import Tail, float_result, trace_accumulator
from tflite_schema import Conv2DOptions, DepthwiseConv2DOptions, Padding, TensorType, TransposeConvOptions

__all__ = [
    "CENTRED_RANGE",
    "FloatParams",
    "HybridParams",
    "Order",
    "Params",
    "check_types",
    "convolve",
    "depthwise",
    "eval_float32",
    "eval_hybrid",
    "eval_quantized",
    "float_weights",
    "prepare_depthwise",
    "prepare_weights",
    "window",
]

WEIGHT_TYPES = {
    TensorType.FLOAT32: (TensorType.FLOAT32,),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT8: (TensorType.INT8, TensorType.INT4),
    TensorType.INT16: (TensorType.INT8, TensorType.INT4),
}
CENTRED_RANGE = (-255, 255)
"""The range of q - z in hybrid kernels."""
_MOST_PADDED = 1 << 26  # elements; padding by dilation can exceed the image without limit
_TILE = 131072  # patches copied at a time, in elements

Prepared = Weights | DepthwiseWeights
Order = Literal["scales_first", "weight_scale_first", "vectors", "xnnpack", "xnnpack_pixels"]
Options = Conv2DOptions | DepthwiseConv2DOptions | TransposeConvOptions


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of an integer convolution. `groups` is 0 for a depthwise one; `weights` None: known at run time."""

    geometry: Geometry
    groups: int
    input_zero_point: int
    weight_zero_point: int
    input_range: tuple[int, int]
    weights: Prepared | None
    tail: Tail


@dataclass(frozen=True, slots=True)
class FloatParams:
    """The same for float32."""

    geometry: Geometry
    groups: int
    weights: Prepared | None
    activation: Bounds


@dataclass(frozen=True, slots=True)
class HybridParams:
    """float32 activations, integer weights: y = acc * s * sw + bias, s and z of each image worked out as it arrives.

    `order`, in float32: "scales_first" acc * (sw * s); "weight_scale_first" (acc * sw) * s; "vectors" that for channels
    in fours and (acc * s) * sw for those left over; "xnnpack": see _dynamic.py; "xnnpack_pixels": with an s and z for
    each pixel instead of each image.
    """

    geometry: Geometry
    groups: int
    asymmetric: bool
    scale: NDArray[np.float32]
    order: Order
    weights: Prepared
    activation: Bounds


def window(n: Node, image: Shape, kernel: Shape, options: Options, dilations: tuple[int, int] = (1, 1)) -> Geometry:
    """The geometry of a window of size `kernel` (height, width) on an image [N, H, W, C], or ShapeError."""
    n.require(
        options.padding in (Padding.SAME, Padding.VALID), f"padding {options.padding!r} is neither SAME nor VALID"
    )
    padding: Literal["SAME", "VALID"] = "SAME" if options.padding == Padding.SAME else "VALID"
    try:
        g = geometry(
            (image[1], image[2]), (kernel[0], kernel[1]), (options.stride_h, options.stride_w), dilations, padding
        )
    except ValueError as error:
        n.require_shapes(False, str(error))
        raise
    height, width = (size + a + b for size, a, b in zip(image[1:3], g.pad_before, g.pad_after, strict=True))
    padded = image[0] * height * width * image[3]
    n.require_shapes(
        padded <= max(_MOST_PADDED, 8 * image[0] * image[1] * image[2] * image[3]),
        f"an image {image} padded to {height} x {width} for dilations {dilations} does not fit memory",
    )
    return g


def check_types(n: Node, x: NodeTensor, w: NodeTensor, *, int4: bool = True) -> bool:
    """Refuse weight and result types without a kernel; whether float activations meet integer weights (hybrid)."""
    hybrid = x.type == TensorType.FLOAT32 and w.type != TensorType.FLOAT32
    allowed = WEIGHT_TYPES[TensorType.INT8] if hybrid else WEIGHT_TYPES.get(x.type, ())
    if w.type not in allowed or (w.type == TensorType.INT4 and not int4):
        raise n.unsupported(
            f"weights of type {w.type.name.lower()} have no kernel for {x.type.name.lower()} input; where TFLite does "
            "not refuse them, it takes their bytes for numbers of another type"
        )
    n.require(n.output().type == x.type, f"input and result must have one type, not {n.types}")
    return hybrid


# --- weights [O, KH, KW, C / groups] ---


def prepare_weights(w: Array, zero_point: int, input_range: tuple[int, int]) -> Weights:
    """w - zw for `convolve`: integers."""
    return gemm.prepare_weights(w.reshape(w.shape[0], -1), -zero_point, input_range)


def float_weights(w: Array) -> Weights:
    """The same for float32."""
    return Weights((np.ascontiguousarray(w.reshape(w.shape[0], -1).T),), 0)


def convolve(x_padded: NDArray[np.float32], g: Geometry, w: Weights, groups: int) -> NDArray[Any]:
    """Sums of products [N, OH, OW, O]; output channels o of group o // (O / groups) see that group's input channels."""
    if groups == 1:
        return gemm.convolve(x_padded, g, w)
    n, _, _, channels = x_padded.shape
    depth, outputs = w.shape
    values = w.pieces[0] if len(w.pieces) == 1 else np.concatenate(w.pieces).astype(np.float64)
    kernels = values.reshape(depth, groups, outputs // groups).transpose(1, 0, 2)
    view = patches(x_padded, g).reshape(n, *g.output, *g.kernel, groups, channels // groups) if n else None
    acc = np.empty((n, *g.output, outputs), values.dtype)
    if view is None or acc.size == 0:
        return acc
    rows = max(1, _TILE // (g.output[1] * depth * groups))
    for image, image_acc in zip(view, acc, strict=True):
        for row in range(0, g.output[0], rows):
            tile = image[row : row + rows]
            columns = np.moveaxis(tile, 4, 0).reshape(groups, -1, depth)
            product = np.matmul(columns.astype(values.dtype, copy=False), kernels)
            image_acc[row : row + rows] = np.moveaxis(product, 0, 1).reshape(*tile.shape[:2], outputs)
    return acc


# --- weights [1, KH, KW, C * multiplier] ---


def prepare_depthwise(w: Array, zero_point: int, input_range: tuple[int, int]) -> DepthwiseWeights:
    """w - zw for `depthwise`: integers."""
    return gemm.prepare_depthwise(w[0], -zero_point, input_range)


def depthwise(x_padded: NDArray[np.float32], g: Geometry, w: DepthwiseWeights) -> NDArray[Any]:
    """Sums of products [N, OH, OW, C * multiplier]; output channel o sees input channel o // multiplier."""
    multiplier = w.values.shape[2] // x_padded.shape[3]
    if multiplier > 1:
        x_padded = np.repeat(x_padded, multiplier, axis=3)
    return gemm.depthwise(patches(x_padded, g), w)


# --- kernels ---


def _accumulate(x: Array, zero_point: int, g: Geometry, weights: Prepared, groups: int) -> NDArray[Any]:
    x_padded = offset_and_pad(x, zero_point, g)
    if isinstance(weights, DepthwiseWeights):
        return depthwise(x_padded, g, weights)
    return convolve(x_padded, g, weights, groups)


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """int8, uint8 and int16 activations."""
    x, w, *rest = inputs
    weights = p.weights
    if weights is None:
        make = prepare_weights if p.groups else prepare_depthwise
        weights = make(w, p.weight_zero_point, p.input_range)
    acc = _accumulate(x, p.input_zero_point, p.geometry, weights, p.groups)
    bias = rest[0] if rest else None
    return [p.tail.apply(acc, bias, x.dtype, ctx, weights.accumulator_bound)]


def eval_hybrid(p: HybridParams, inputs: list[Array], ctx: Context) -> list[Array]:
    """float32 activations, quantized to int8 image by image, and int8 or int4 weights."""
    x, _, *rest = inputs
    parts = (*x.shape[:3], 1) if p.order == "xnnpack_pixels" else (x.shape[0], 1, 1, 1)
    flat = x.reshape(math.prod(parts), math.prod(x.shape[1:]) // math.prod(parts[1:]))
    images = dynamic_rows(flat) if p.order.startswith("xnnpack") else quantize_rows(flat, p.asymmetric)
    q = ctx.trace("quantize_input", images.q.reshape(x.shape))
    scale, zero_point = images.scale.reshape(parts), images.zero_point.reshape(parts)
    acc = _accumulate(np.subtract(q, zero_point, dtype=np.float32), 0, p.geometry, p.weights, p.groups)
    trace_accumulator(acc, ctx)
    bias = rest[0] if rest else None
    if p.order.startswith("xnnpack"):
        return [dynamic_result(acc, scale, p.scale, bias, p.activation, ctx)]
    return [float_result(_scaled(acc.astype(np.float32), scale, p.scale, p.order), bias, p.activation, ctx, "scale")]


def _scaled(acc: Float32Array, scale: Float32Array, weight_scale: Float32Array, order: Order) -> Float32Array:
    if order == "scales_first":
        return acc * (weight_scale * scale)
    body = acc.shape[-1] // 4 * 4 if order == "vectors" else acc.shape[-1]
    acc[..., :body] = acc[..., :body] * weight_scale[:body] * scale
    acc[..., body:] = acc[..., body:] * scale * weight_scale[body:]
    return acc


def eval_float32(p: FloatParams, inputs: list[Array], ctx: Context) -> list[Array]:
    """float32, summed in BLAS's order."""
    x, w, *rest = inputs
    weights = p.weights
    if weights is None:
        weights = float_weights(w) if p.groups else DepthwiseWeights(w[0], 0)
    with np.errstate(over="ignore", invalid="ignore"):
        acc = _accumulate(x, 0, p.geometry, weights, p.groups)
    return [float_result(acc, rest[0] if rest else None, p.activation, ctx)]
