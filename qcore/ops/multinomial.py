"""MULTINOMIAL: classes drawn with the probabilities that logits give, TensorFlow's own sequence for the given seeds.

    c[i] = exp(x[0] - max) + ... + exp(x[i] - max)     float64; logits that are not finite count for nothing
    y    = the first i with c[i] > u * c[last]         u: two words of Philox as a float64 in [0, 1), see _random.py

Operands: logits [batch, classes], the number of draws for each row.

TFLite: kernels/random_ops.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops import _random
from qcore.ops._movement import INTEGER_INDICES, require_counts, require_types
from tflite_schema import TensorType


@dataclass(frozen=True, slots=True)
class Params:
    """The sequence, the result's shape and its type."""

    stream: _random.Stream
    shape: Shape
    dtype: np.dtype[Any]


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    shape, draws = n.input(0).shape, require_types(n, 1, (TensorType.INT32,), "a number of draws")
    n.require_shapes(len(shape) == 2 and shape[1] > 0, f"logits have shape {shape}, expected [batch, classes]")
    n.require_shapes(draws.rank == 0, f"the number of draws has shape {draws.shape}, expected a scalar")
    count = n.integers(1)
    if count is None:
        return [None]
    n.require_shapes(count[0] >= 0, f"the number of draws is {count[0]}")
    return [(shape[0], count[0])]


def prepare(n: Node) -> Params:
    if n.output().type not in INTEGER_INDICES:
        raise n.unsupported(f"a result of type {n.output().type.name}; TFLite draws INT32 and INT64")
    return Params(_random.stream(n), n.output().shape, n.output().dtype)


def eval_float32(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    x = inputs[0]
    batch, draws = p.shape
    finite = np.isfinite(x)
    finite_x = np.where(finite, x, np.finfo(np.float32).min).astype(np.float64)
    weights = np.where(finite, np.exp(finite_x - finite_x.max(axis=1, keepdims=True)), 0.0)
    cumulative = ctx.trace("cumulate", np.add.accumulate(weights, axis=1))
    # TFLite leaves 512 blocks for every draw, in fours, whatever it uses.
    words = p.stream.draw(ctx, 2 * batch * draws, skip=batch * -(-draws // 4) * 4 * 512)
    uniform = ctx.trace("uniform", _random.uniform_float64(words).reshape(batch, draws))
    wanted = uniform * cumulative[:, -1:]
    found = [np.searchsorted(row, w, side="right") for row, w in zip(cumulative, wanted, strict=True)]
    return [np.array(found, p.dtype).reshape(p.shape)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": eval_float32},
    steps={"cumulate": "running sum of exp(x - max)", "uniform": "numbers in [0, 1)"},
    stateful=True,
)
