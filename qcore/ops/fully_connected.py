"""FULLY_CONNECTED: y = activation(x @ w^T + bias), in integers, in float32, or in float32 with integer weights.

    acc = sum((x - zx) * (w[c] - zw)) + bias[c]
    y   = clamp(round(acc * M[c]) + zy)              M = sx * sw / sy in float64, halves away from zero: no fixed point

x [..., K] in rows of K, w [O, K], bias [O] or none; y [rows, O], or [..., O] with keep_num_dims. Weights have one scale
and any zero point, or one scale per output channel and none (uint8: one scale). int16: zero points are 0; int64
accumulators, or int32 ones where the options name an int32 bias. The optimized kernels compute int16 as the reference
does where the weights have a zero point or the bias 64 bits (LiteRT 2.3: or the options say so of a missing bias);
elsewhere, without a bias too, in int32 and fixed point. uint8 to int16: as uint8, the result's zero point is 0.
Hybrid: y = clamp(acc * (s * sw) + bias), one scale s and zero point for each row of x, see _fully_connected_hybrid.py.
Weights stored sparse: _sparse.py. Weights quantized block by block: _blockwise.py.
TFLite: kernels/fully_connected.cc; internal/reference/integer_ops/fully_connected.h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import gemm
from qcore.numerics.gemm import Weights
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._activation import Bounds, bounds
from qcore.ops._delegate import refused_product, unknown
from qcore.ops._fully_connected_hybrid import (
    AnyHybridParams,
    eval_hybrid,
    prepare_float_times_integer,
    refused_hybrid,
)
from qcore.ops._product import (
    STEPS,
    ProductRules,
    Tail,
    centred_range,
    check_bias_scale,
    exact_multiplier,
    float32_multiplier,
    float_result,
    multiplier_and_rules,
    optional_bias,
    tail,
    weight_scales,
    wide_bias_type,
)
from qcore.ops._sparse import require_blocks
from qcore.rules import Rules, activation, bias, weight
from tflite_schema import FullyConnectedOptions, FullyConnectedOptionsWeightsFormat, TensorType

WEIGHT_TYPES = {
    TensorType.FLOAT32: (TensorType.FLOAT32,),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT8: (TensorType.INT8, TensorType.INT4, TensorType.INT2),
    TensorType.INT16: (TensorType.INT8, TensorType.INT4, TensorType.INT2),
}


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of an integer product; `weights` is None where they are known at run time only."""

    shape: Shape
    dtype: np.dtype[Any]
    input_zero_point: int
    weight_zero_point: int
    input_range: tuple[int, int]
    weights: Weights | None
    tail: Tail


@dataclass(frozen=True, slots=True)
class FloatParams:
    """The same for float32; the weights are [K, O]."""

    shape: Shape
    weights: Array | None
    activation: Bounds


def infer(n: Node) -> list[Shape]:
    options, x, w = n.options(FullyConnectedOptions), n.input(0), n.input(1)
    if options.weights_format != FullyConnectedOptionsWeightsFormat.DEFAULT:
        raise n.unsupported(f"weights_format {options.weights_format!r} has no kernel; store plain rows of weights")
    n.require_shapes(
        w.rank == 2 and x.rank > 0, f"input {x.shape} and weights {w.shape}: weights must have 2 dimensions"
    )
    outputs, depth = w.shape
    n.require_shapes(depth > 0, f"weights {w.shape} have no columns")
    if options.keep_num_dims:
        n.require_shapes(x.shape[-1] == depth, f"input {x.shape} does not end in the weights' {depth} columns")
        return [(*x.shape[:-1], outputs)]
    elements = 1
    for size in x.shape:
        elements *= size
    n.require_shapes(elements % depth == 0, f"input {x.shape} does not fall into rows of {depth}")
    return [(elements // depth, outputs)]


def prepare(n: Node) -> Params | FloatParams | AnyHybridParams:
    options, x, w, y = n.options(FullyConnectedOptions), n.input(0), n.input(1), n.output()
    hybrid = x.type == TensorType.FLOAT32 and w.type in WEIGHT_TYPES[TensorType.INT8]
    if w.type not in WEIGHT_TYPES[x.type] and not hybrid:
        raise n.unsupported(f"weights of type {w.type.name.lower()} have no kernel for {x.type.name.lower()} input")
    wide_result = (x.type, y.type) == (TensorType.UINT8, TensorType.INT16)
    n.require(y.type == x.type or wide_result, f"input and result must have one type, not {n.types}")
    outputs, fused = w.shape[0], options.fused_activation_function
    if w.sparsity is not None and w.type != TensorType.FLOAT32:
        require_blocks(n, w)
    if x.type == TensorType.FLOAT32:
        optional_bias(n, 2, outputs, x.type)
        if hybrid:
            return prepare_float_times_integer(n)
        return FloatParams(y.shape, None if w.value is None else w.value.T, bounds(n, fused))
    per_channel = w.scales.size > 1
    weight_scales(n, w, outputs, per_channel=x.type != TensorType.UINT8)
    n.require(
        not per_channel or w.quant is None or w.quant.quantized_dimension == 0, "weight scales must run along axis 0"
    )
    if w.type in (TensorType.INT4, TensorType.INT2):
        unsigned = w.quant is None or not w.quant.zero_point.any()
        n.require(unsigned, f"{w.type.name.lower()} weights have a zero point; TFLite requires 0")
    if wide_result and (y.zero_point or n.optional_input(2) is None):
        raise n.unsupported("an int16 result needs a bias and a zero point of 0; TFLite's kernel asks for neither")
    bias_type = TensorType.INT32
    if x.type == TensorType.INT16:
        n.require(x.zero_point == y.zero_point == 0, "int16 zero points must be 0")
        bias_type = wide_bias_type(n, options.quantized_bias_type)
    by_reference = n.kernels.name == "reference" or (x.type == TensorType.INT16 and not _has_ruy(n))
    bias_tensor = optional_bias(n, 2, outputs, bias_type)
    bias_type = bias_type if by_reference else TensorType.INT32
    if not per_channel:
        check_bias_scale(n, x, w, bias_tensor, y)
    ignored, input_range = per_channel or (n.kernels.name == "xnnpack" and x.type == TensorType.INT8), centred_range(x)
    zero_point = 0 if ignored else w.zero_point
    prepared = None if w.value is None else gemm.prepare_weights(w.value, -zero_point, input_range)
    wide = bias_type == TensorType.INT64 and bias_tensor is None
    multiplier, rounding = _multiplier_and_rules(n, bias_type == TensorType.INT64, by_reference)
    end = tail(n, multiplier, rounding, fused, no_bias=wide)
    return Params(y.shape, y.dtype, x.zero_point, zero_point, input_range, prepared, end)


def _has_ruy(n: Node) -> bool:
    """Whether the optimized kernels compute an int16 product in 32 bits; otherwise they call the reference kernel."""
    bias, wide = n.optional_input(2), TensorType.INT64
    stated = n.options(FullyConnectedOptions).quantized_bias_type if n.kernels.version == "litert-2.3" else None
    return stated != wide and (bias is None or bias.type != wide) and n.input(1).zero_point == 0


def _multiplier_and_rules(n: Node, wide: bool, by_reference: bool) -> tuple[NDArray[np.float64], ProductRules]:
    """float64 in the reference kernel since TensorFlow 2.20, integers elsewhere."""
    x, w, y = n.input(0), n.input(1), n.output()
    exact = exact_multiplier(x, w, y)
    if w.sparsity is not None:
        return exact, "double_rounding"
    if by_reference and n.kernels.version != "2.19":
        return exact, "float64_half_away"
    if wide:
        return exact, "int64_accumulator"
    integer = exact if w.scales.size > 1 else float32_multiplier(x, w, y)
    return multiplier_and_rules(n, integer, x, w, "double_rounding" if by_reference else "ruy_x86")


def eval_quantized(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    x, w, *rest = inputs
    weights = p.weights or gemm.prepare_weights(w, -p.weight_zero_point, p.input_range)
    rows = np.subtract(x.reshape(-1, w.shape[1]), np.float32(p.input_zero_point), dtype=np.float32)
    acc = gemm.matmul(rows, weights)
    y = p.tail.apply(acc, rest[0] if rest else None, p.dtype, ctx, weights.accumulator_bound)
    return [y.reshape(p.shape)]


def eval_float32(p: FloatParams, inputs: list[Any], ctx: Context) -> list[Array]:
    x, w, *rest = inputs
    acc = x.reshape(-1, w.shape[1]) @ (w.T if p.weights is None else p.weights)
    return [float_result(acc, rest[0] if rest else None, p.activation, ctx).reshape(p.shape)]


def version(n: Node) -> int:
    options, x, w = n.options(FullyConnectedOptions), n.input(0), n.input(1)
    if x.type == TensorType.INT16 and w.type == TensorType.INT4:
        return 13
    if x.type == TensorType.FLOAT32 and w.type == TensorType.INT8 and w.scales.size == w.shape[0]:
        return 12
    if len(n.inputs) == 2:
        return 6
    if options.keep_num_dims:
        return 5
    if x.type in (TensorType.INT8, TensorType.INT16):
        return 10 if w.type == TensorType.INT4 else 4
    if x.type == TensorType.FLOAT32 and w.type == TensorType.INT8:
        return 9 if options.asymmetric_quantize_inputs else 3
    return 1


def _refused_int4(n: Node) -> str | None:
    """XNNPACK takes rows of an even length; TensorFlow 2.21's a scale for each, and fails at one row with a bias."""
    w = n.input(1)
    if w.shape[1] % 2:
        return "its rows have an odd number of int4 weights"
    if w.shape[1] * 255 * 8 * 16 >= 2**31:  # weights are held 16-fold
        raise unknown(n, "sums of int4 weights that can leave int32")
    if n.kernels.version == "litert-2.3":
        return None
    if w.shape[0] == 1 and n.optional_input(2) is not None:
        raise unknown(n, "a single row of int4 weights with a bias")
    return "its int4 weights have one scale" if w.scales.size < w.shape[0] else None


def refused(n: Node) -> str | None:
    """XNNPACK takes 8- and 4-bit weights and bias that are constant.

    Of int8 weights it ignores the zero point; LiteRT 2.3 does not delegate weights that have one.
    """
    w = n.input(1)
    if w.sparsity is not None or w.block_scales is not None or w.type == TensorType.INT2:
        raise unknown(n, "sparse, block-wise or int2 weights")
    reason = _refused_int4(n) if w.type == TensorType.INT4 else None
    if reason is not None:
        return reason
    if n.input(0).type == TensorType.FLOAT32 != w.type:
        return refused_hybrid(n)
    if n.output().type != n.input(0).type:
        return "its types are mixed"
    reason = refused_product(n, axis=0, bias_required=False, int4=True)
    shifted = w.type == TensorType.INT8 and w.scales.size == 1 and w.zero_point != 0
    if reason is None and shifted and n.kernels.version == "litert-2.3":
        return "its weights have a zero point"
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
    rules=Rules(inputs=(activation(), weight(axis=0), bias(of=(0, 1)))),
    steps=STEPS,
    version=version,
    sparse=True,
    refused=refused,
)
