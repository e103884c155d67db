"""Philox, the counter-based random generator of TensorFlow: 4 words of 32 bits for each value of a 128-bit counter.

    key = (seed low, seed high);  counter = (0, 0, seed2 low, seed2 high) + block
    10 rounds of:  (c0, c1, c2, c3) = (high(B c2) ^ c1 ^ k0, low(B c2), high(A c0) ^ c3 ^ k1, low(A c0)),  k += (W0, W1)

TFLite keeps 32 bits of each seed, with their sign. The sequence goes on from run to run of one interpreter. It starts
again wherever TFLite prepares the operator again: when an input was resized, and in a run in which a result before it,
whose shape depends on values, has another shape than in the run before, and in a branch or a loop whenever IF or WHILE
runs. It does not in allocate_tensors without a resize, nor in reset_all_variables. Two seeds of zero ask for numbers
nobody can repeat: refused.

TFLite: kernels/random_ops.cc. TensorFlow: tsl/lib/random/philox_random.h, random_distributions_utils.h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.fixedpoint import wrap_int32
from qcore.op import Array, Context, Node, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import RandomOptions, TensorType

__all__ = ["Params", "Stream", "infer", "prepare", "stream", "uniform_float32", "uniform_float64"]

_A, _B, _W0, _W1 = (np.uint64(v) for v in (0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85))
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_WORDS = 4


@dataclass(frozen=True, slots=True)
class Stream:
    """One operator's sequence; where it stands is kept between runs in the node's state."""

    seed: int
    seed2: int

    def draw(self, ctx: Context, count: int, skip: int | None = None) -> NDArray[np.uint32]:
        """The next `count` words, [count]; the next run starts `skip` blocks further on (None: after those used)."""
        blocks = -(-count // _WORDS)
        position: int = ctx.state.get("position", 0)
        ctx.state["position"] = position + (blocks if skip is None else skip)
        return self.words(position, blocks).reshape(-1)[:count]

    def words(self, first: int, blocks: int) -> NDArray[np.uint32]:
        """Blocks `first` ... of the sequence, uint32 [blocks, 4]."""
        start = (((self.seed2 & (2**64 - 1)) << 64) + first) % 2**128
        low = np.uint64(start & (2**64 - 1)) + np.arange(blocks, dtype=np.uint64)  # wraps
        high = np.uint64(start >> 64) + (low < np.uint64(start & (2**64 - 1)))
        c0, c1, c2, c3 = low & _LOW, low >> _HALF, high & _LOW, high >> _HALF
        key = self.seed & (2**64 - 1)
        k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
        for _ in range(10):
            a, b = _A * c0, _B * c2
            c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
            k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
        return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def stream(n: Node) -> Stream:
    """The node's sequence; UnsupportedError where both seeds are 0 in the bits TFLite keeps."""
    options = n.options(RandomOptions)
    seed, seed2 = (int(wrap_int32(value)) for value in (options.seed, options.seed2))
    if seed == 0 and seed2 == 0:
        raise n.unsupported("both seeds are 0 in 32 bits, which asks for other numbers at every run; give it a seed")
    return Stream(seed, seed2)


def uniform_float32(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The low 23 bits as a float32 in [0, 1)."""
    bits = (words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
    return bits.view(np.float32) - np.float32(1)


def uniform_float64(words: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Two words each as a float64 in [0, 1): 20 bits of the first, then all 32 of the second."""
    pairs = words.reshape(-1, 2).astype(np.uint64)
    bits = ((pairs[:, 0] & np.uint64(0xFFFFF)) << _HALF) | pairs[:, 1] | np.uint64(1023 << 52)
    return bits.view(np.float64) - 1.0


@dataclass(frozen=True, slots=True)
class Params:
    """The sequence and the result's shape."""

    stream: Stream
    shape: Shape


def infer(n: Node) -> list[Shape | None]:
    """The shape that operand 0 holds."""
    require_counts(n, 1)
    shape = require_types(n, 0, (TensorType.INT32,), "a shape")
    n.require_shapes(shape.rank == 1, f"the shape operand has shape {shape.shape}, expected a vector")
    sizes = n.integers(0)
    if sizes is None:
        return [None]
    n.require_shapes(min(sizes, default=0) >= 0, f"the wanted shape is {sizes}")
    return [tuple(sizes)]


def prepare(n: Node) -> Params:
    if n.output().type != TensorType.FLOAT32:
        raise n.unsupported(f"a result of type {n.output().type.name}; TFLite draws FLOAT32")
    return Params(stream(n), n.output().shape)


def count(shape: Shape) -> int:
    """The number of elements."""
    return int(np.prod(shape, dtype=np.int64))


def shaped(values: NDArray[Any], shape: Shape) -> Array:
    """As many of the values as the shape holds."""
    return values.reshape(-1)[: count(shape)].reshape(shape)
