"""RANDOM_STANDARD_NORMAL: normally distributed float32 numbers, TensorFlow's own sequence for the given seeds.

Two words of Philox (see _random.py) make two numbers (Box and Muller):

    r = sqrt(-2 log(max(u0, 1e-7)));  y0 = r sin(2 pi u1);  y1 = r cos(2 pi u1)

TFLite: kernels/random_ops.cc. TensorFlow: tsl/lib/random/random_distributions_utils.h
"""

from __future__ import annotations

import numpy as np

from qcore.numerics import float32
from qcore.op import Array, Context, Op
from qcore.ops import _random
from qcore.ops._random import Params

_LEAST = np.float32(1e-7)


def eval_int32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    wanted = _random.count(p.shape)
    words = p.stream.draw(ctx, wanted + wanted % 2)
    uniform = ctx.trace("uniform", _random.uniform_float32(words)).reshape(-1, 2)
    radius = np.sqrt(np.float32(-2) * float32.log(np.maximum(uniform[:, 0], _LEAST)))
    angle = (2 * np.pi * uniform[:, 1].astype(np.float64)).astype(np.float32)
    pairs = np.stack([float32.sin(angle) * radius, float32.cos(angle) * radius], axis=-1)
    return [ctx.trace("normal", _random.shaped(pairs, p.shape))]


OP = Op(
    infer=_random.infer,
    prepare=_random.prepare,
    kernels={"int32": eval_int32},
    steps={"uniform": "numbers in [0, 1)", "normal": "Box and Muller's transform of each pair"},
)
