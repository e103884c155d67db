"""LSH_PROJECTION: bits that similar operands tend to share: the signs of sums of hashes.

    bit[i, j] = 1 if sum over k of weight[k] * int64(fingerprint64(seed[i, j] bytes + x[k] bytes)) > 0, in float64
    DENSE   y = all bits, one after the other;  SPARSE  y[i] = the bits of row i as a number, plus i * 2^bits

Operands: seeds float32 [rows, bits], x (any numbers, k along the first dimension), weights float32 [k] (or 1).

TFLite: kernels/lsh_projection.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.farmhash import fingerprint64
from qcore.numerics.fixedpoint import wrap_int32
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import COMMON, FURTHER, kernels, require_counts, require_types
from tflite_schema import LSHProjectionOptions, LSHProjectionType, TensorType

_MOST_BITS = {LSHProjectionType.DENSE: 32, LSHProjectionType.SPARSE: 31}


@dataclass(frozen=True, slots=True)
class Params:
    """Whether each row of bits becomes one number."""

    sparse: bool


def infer(n: Node) -> list[Shape]:
    require_counts(n, (2, 3))
    seeds, x = require_types(n, 0, (TensorType.FLOAT32,), "seeds"), n.input(1)
    kind = n.options(LSHProjectionOptions).type
    n.require(kind in _MOST_BITS, f"type {kind} is neither SPARSE nor DENSE")
    n.require_shapes(seeds.rank == 2, f"seeds have shape {seeds.shape}, expected two dimensions")
    rows, bits = seeds.shape
    n.require_shapes(bits <= _MOST_BITS[kind], f"{bits} bits; there may be up to {_MOST_BITS[kind]}")
    n.require_shapes(x.rank > 0 and x.shape[0] > 0, f"shape {x.shape} holds nothing to hash")
    if n.optional_input(2) is not None:
        weights = require_types(n, 2, (TensorType.FLOAT32,), "weights")
        n.require_shapes(weights.shape == x.shape[:1], f"weights have shape {weights.shape}, expected {x.shape[:1]}")
    return [(rows,) if kind == LSHProjectionType.SPARSE else (rows * bits,)]


def prepare(n: Node) -> Params:
    n.require(n.output().type == TensorType.INT32, f"the result is {n.output().type.name}, expected INT32")
    return Params(n.options(LSHProjectionOptions).type == LSHProjectionType.SPARSE)


def eval_any(p: Params, inputs: list[Array | None], ctx: Context) -> list[Array]:
    seeds, x = inputs[0], inputs[1]
    assert seeds is not None
    assert x is not None
    weights = inputs[2] if len(inputs) > 2 else None
    items = np.frombuffer(x.tobytes(), np.uint8).reshape(len(x), x.nbytes // len(x))
    keys = np.empty((len(items), 4 + items.shape[1]), np.uint8)
    keys[:, 4:] = items
    bits = np.empty(seeds.size, np.int64)
    for place, seed in enumerate(seeds.reshape(-1).astype("<f4")):
        keys[:, :4] = np.frombuffer(seed.tobytes(), np.uint8)
        values = fingerprint64(keys).view(np.int64).astype(np.float64)
        terms = values if weights is None else values * weights.astype(np.float64)
        bits[place] = np.cumsum(terms)[-1] > 0  # cumsum adds in order
    if not p.sparse:
        return [bits.astype(np.int32)]
    rows, count = seeds.shape
    powers = np.left_shift(np.int64(1), np.arange(count, dtype=np.int64)[::-1])
    numbers = bits.reshape(rows, count) @ powers + (np.arange(rows, dtype=np.int64) << count)
    return [wrap_int32(numbers).astype(np.int32)]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, *FURTHER),
    typed_by=1,
)
