"""SUM: the sum over axes.

    float32          y = sum(x), in the order of the elements, each step rounded to float32
    int32, int64     y = sum(x), wrapping; bool: whether any is true
    8-bit, int16     acc = sum(x) - zx * n
                     y   = clamp(round(acc * M) + zy)     M = sx / sy: see _reduction.py

TFLite's reference kernel reads int8 and int16 operands as uint8 (TensorFlow 2.21, ai-edge-litert 2.3) and so gives
numbers without meaning. Here all three types follow the equation, as uint8 does there.

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics.float32 import sequential_sum
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _reduction
from qcore.ops._reduction import Params
from qcore.rules import Rules, activation, same_as, untouched


def prepare(n: Node) -> Params:
    return _reduction.prepare_scaled(n, mean=False)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    with np.errstate(all="ignore"):
        y = sequential_sum(_reduction.rows(inputs[0], p.axes), axis=0)
    return [ctx.trace("accumulate", y.reshape(p.shape))]


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    return [ctx.trace("accumulate", np.add.reduce(x, axis=p.axes, dtype=x.dtype).reshape(p.shape))]


OP = Op(
    infer=_reduction.infer,
    prepare=prepare,
    kernels={
        "float32": eval_float32,
        "int32": eval_integer,
        "int64": eval_integer,
        "bool": eval_integer,
        "uint8": _reduction.eval_quantized,
        "int8": _reduction.eval_quantized,
        "int16": _reduction.eval_quantized,
    },
    rules=Rules(
        inputs=(activation(), untouched()),
        by_scheme={"int16x8": Rules(inputs=(activation(), untouched()), outputs=(same_as(0),))},
    ),
    steps={
        "accumulate": "sum(x) - zx * n",
        "requantize": "round(acc * M) (8-bit, int16)",
        "clamp": "clamp(requantized + zy) (8-bit, int16)",
    },
    version=by_type(int8=2),
    reference_only=frozenset({"int8", "uint8", "int16"}),
)
