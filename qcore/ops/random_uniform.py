"""RANDOM_UNIFORM: float32 numbers in [0, 1), TensorFlow's own sequence for the given seeds.

    y = (word & (2^23 - 1)) / 2^23          one word of Philox each: see _random.py

TFLite: kernels/random_ops.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Op
from qcore.ops import _random
from qcore.ops._random import Params


def eval_int32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    words = p.stream.draw(ctx, _random.count(p.shape))
    return [ctx.trace("uniform", _random.uniform_float32(words).reshape(p.shape))]


OP = Op(
    infer=_random.infer,
    prepare=_random.prepare,
    kernels={"int32": eval_int32},
    steps={"uniform": "the low 23 bits of each word / 2^23"},
)
