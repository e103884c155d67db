"""SVDF: a fully connected layer over the last moments of a sequence, factored into features and time.

    feature  f[b, j] = sum_k(x[b, k] * Wf[j, k])              filters j; unit u owns filters u * rank ... + rank - 1
    memory   state[b, j] = (state[b, j, 1:], f[b, j])         one step to the left, the newest last
    time     y[b, u] = activation(sum over the unit's filters and m of state[b, j, m] * Wt[j, m] + bias[u])

    hybrid   x is quantized row by row (_hybrid.py), Wt is int8 times its scale
    int8     f = clip16(round(sum((x - zx) * Wf), sx * sf / ss));  y = clip8(round(sum + bias, ss * st / sy) + zy)

Integer: Wt and the state int16; TFLite demands the activation RELU and does not apply it.

TFLite: kernels/svdf.cc; internal/reference/svdf.h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.fixedpoint import wrap_int32
from qcore.numerics.gemm import Weights, matmul, prepare_weights
from qcore.numerics.requantize import Requantization, output_stage, requantize
from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._hybrid import MatrixWeights, integer_weights, multiply, prepare_hybrid
from qcore.ops._movement import require_counts
from qcore.ops._recurrent import Activation, activation_function
from qcore.rules import Rules, activation, bias, state, weight
from tflite_schema import ActivationFunctionType, SVDFOptions, TensorType

_TYPES = {  # kernel -> types of Wf, Wt, bias, state, y
    "float32": (("FLOAT32",), ("FLOAT32",), "FLOAT32", "FLOAT32", "FLOAT32"),
    "hybrid": (("INT8", "UINT8"), ("INT8", "UINT8"), "FLOAT32", "FLOAT32", "FLOAT32"),
    "int8": (("INT8",), ("INT16",), "INT32", "INT16", "INT8"),
}


@dataclass(frozen=True, eq=False)
class FloatParams:
    """`feature` and `time` are None where float weights come from the run."""

    rank: int
    activation: Activation
    feature: MatrixWeights | None
    time: NDArray[np.float32] | None
    asymmetric: bool


@dataclass(frozen=True, eq=False)
class Params:
    """The integer constants."""

    rank: int
    input_zero_point: int
    feature: Weights
    feature_scaling: Requantization
    scaling: Requantization
    zero_point: int


def infer(n: Node) -> list[Shape]:
    require_counts(n, 5)
    rank = n.options(SVDFOptions).rank
    x, feature = n.input(0), n.input(1)
    n.require_shapes(x.rank == feature.rank == 2, f"operands 0 and 1 must be matrices, not {x.shape}, {feature.shape}")
    n.require(rank > 0 and feature.shape[0] % rank == 0, f"{feature.shape[0]} filters cannot be split into rank {rank}")
    return [(x.shape[0], feature.shape[0] // rank)]


def prepare(n: Node) -> FloatParams | Params:
    options = n.options(SVDFOptions)
    kind = OP.variant(n)
    _check(n, kind)
    feature, time = n.input(1), n.input(2)
    if kind == "int8":
        return _prepare_integer(n, options)
    function = activation_function(n, options.fused_activation_function, identity=True)
    if kind == "float32":
        return FloatParams(options.rank, function, None, None, False)
    return FloatParams(
        options.rank,
        function,
        prepare_hybrid(integer_weights(n, feature), feature.scale),
        integer_weights(n, time) * time.scale,
        options.asymmetric_quantize_inputs,
    )


def _check(n: Node, kind: str) -> None:
    """Every operand has the type and the shape of its kernel."""
    x, feature, time, memory, y = n.input(0), n.input(1), n.input(2), n.input(4), n.output()
    feature_types, time_types, bias_type, state_type, result_type = _TYPES[kind]
    optional_bias = n.optional_input(3)
    found = [(feature, feature_types), (time, time_types), (memory, (state_type,)), (y, (result_type,))]
    found += [] if optional_bias is None else [(optional_bias, (bias_type,))]
    for tensor, types in found:
        if tensor.type.name not in types:
            raise n.unsupported(f"tensor {tensor.index} is {tensor.type.name}, expected {' or '.join(types)}")
    filters, size = feature.shape
    n.require_shapes(x.shape[1] == size and size > 0, f"operand 0 has {x.shape[1]} columns, weights {size}")
    n.require_shapes(
        time.rank == 2 and time.shape[0] == filters and time.shape[1] > 0,
        f"operand 2 has shape {time.shape}, expected ({filters}, memory)",
    )
    expected = (x.shape[0], filters * time.shape[1])
    n.require(memory.is_variable, "operand 4, the state, must be a variable tensor")
    n.require_shapes(memory.shape == expected, f"operand 4 has shape {memory.shape}, expected {expected}")
    units = n.output().shape[1]
    n.require_shapes(
        optional_bias is None or optional_bias.shape == (units,), f"operand 3, the bias, must have shape ({units},)"
    )


def _prepare_integer(n: Node, options: SVDFOptions) -> Params:
    x, feature, time, memory, y = n.input(0), n.input(1), n.input(2), n.input(4), n.output()
    n.require(options.fused_activation_function == ActivationFunctionType.RELU, "int8 needs the fused activation RELU")
    if feature.value is None:
        raise n.unsupported("the feature weights must be constants")
    return Params(
        options.rank,
        x.zero_point,
        prepare_weights(feature.value, 0, (-128 - x.zero_point, 127 - x.zero_point)),
        _scaling(n, x, feature, memory),
        _scaling(n, memory, time, y),
        y.zero_point,
    )


def _scaling(n: Node, x: NodeTensor, w: NodeTensor, y: NodeTensor) -> Requantization:
    """M = sx * sw / sy in float32."""
    n.require(bool(y.scale > 0), f"tensor {y.index} has scale {y.scale}")
    try:
        return Requantization.of(x.scale * w.scale / y.scale, "double_rounding")
    except ValueError as error:
        n.require(False, f"scales {x.scale}, {w.scale}, {y.scale} give no multiplier: {error}")
        raise


def remember(memory: Array, newest: Array, length: int) -> Array:
    """Shift the state operand one step and store the newest features; the state as [batch, filters, length]."""
    steps = memory.reshape(*newest.shape, length)
    steps[..., :-1] = steps[..., 1:].copy()
    steps[..., -1] = newest
    return steps


def eval_float(p: FloatParams, inputs: list[Any], ctx: Context) -> list[Array]:
    """float32 and hybrid."""
    x, feature, time, bias_value, memory = inputs
    weights = feature.T if p.feature is None else p.feature
    factors = time if p.time is None else p.time
    newest = ctx.trace("feature", multiply(np.float32(0), x, weights, p.asymmetric))
    steps = remember(memory, newest, factors.shape[1])
    by_filter = ctx.trace("time", np.einsum("bjm,jm->bj", steps, factors))
    y = by_filter.reshape(len(x), -1, p.rank).sum(axis=2)
    if bias_value is not None:
        y = y + bias_value
    return [p.activation(ctx.trace("sum", y))]


def eval_int8(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    """int8 with int16 time weights and state."""
    x, _, time, bias_value, memory = inputs
    centred = x.astype(np.float32) - np.float32(p.input_zero_point)
    newest = requantize(matmul(centred, p.feature), p.feature_scaling)
    newest = ctx.trace("feature", np.clip(newest, -32768, 32767))
    steps = remember(memory, newest, time.shape[1])
    by_filter = ctx.trace("time", np.einsum("bjm,jm->bj", steps, time, dtype=np.int64))
    y = ctx.trace("sum", wrap_int32(by_filter.reshape(len(x), -1, p.rank).sum(axis=2)))
    return [output_stage(y, bias_value, p.scaling, p.zero_point, (-128, 127), np.int8, ctx.trace)]


def version(n: Node) -> int:
    if n.input(0).type == TensorType.INT8:
        return 3
    if n.input(1).type == TensorType.INT8:
        return 4 if n.options(SVDFOptions).asymmetric_quantize_inputs else 2
    return 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float, "hybrid": eval_float, "int8": eval_int8},
    rules=Rules(
        inputs=(activation(), weight(None), weight(None, bits=10), bias((2, 4)), state()),
        quantizable=frozenset({"int8"}),
    ),
    steps={
        "feature": "x Wf, [batch, filters]; int8: clip16(round(sum((x - zx) * Wf), M))",
        "time": "sum over m of state[b, j, m] * Wt[j, m]",
        "sum": "sum of a unit's filters, [batch, units]; float: plus bias",
        "add_bias": "sum + bias (int8 only)",
        "requantize": "round(sum + bias, M)",
        "add_zero_point": "requantized + zy",
        "clamp": "clip8(with zero point)",
    },
    version=version,
)
