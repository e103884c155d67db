"""STABLEHLO_RNG_BIT_GENERATOR: random bits from a state, and the state to go on from.

    y = f(key, counter), f(key, counter + 1), ...  as 32-bit words;  state' = key, counter + (number of calls)

The state's 64-bit words are the key and the counter. f is Threefry2x32 with 20 rounds (two words for each counter) or
Philox4x32 with 10 rounds (four words; the upper half of its counter is the state's third word, or the key where the
state has two words; it does not count). DEFAULT is Philox. A call's words that do not fit the result are lost.

TFLite: kernels/rng_bit_generator.cc, kernels/rng_util.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import RngAlgorithm, StablehloRngBitGeneratorOptions, TensorType

_RESULTS = (TensorType.INT32, TensorType.INT64, TensorType.UINT32, TensorType.UINT64)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
_THREEFRY_PARITY = np.uint32(0x1BD11BDA)
_THREEFRY_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PHILOX_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_PHILOX_INCREMENTS = (0x9E3779B9, 0xBB67AE85)


@dataclass(frozen=True, slots=True)
class Params:
    """Whether the generator is Threefry, and the bits' shape and type."""

    threefry: bool
    shape: Shape
    dtype: np.dtype[Any]


def infer(n: Node) -> list[Shape]:
    require_counts(n, 1, 2)
    state, bits = require_types(n, 0, (TensorType.UINT64,), "the state"), n.output(1)
    sizes = ((2,),) if _is_threefry(n) else ((2,), (3,))
    n.require_shapes(state.shape in sizes, f"a state of shape {state.shape}, expected {' or '.join(map(str, sizes))}")
    n.require(
        n.output(0).type == TensorType.UINT64, f"the next state has type {n.output(0).type.name}, expected UINT64"
    )
    if bits.type not in _RESULTS:
        raise n.unsupported(f"random bits of type {bits.type.name}; the kernel makes 32- and 64-bit integers")
    return [state.shape, bits.shape]


def _is_threefry(n: Node) -> bool:
    algorithm = n.options(StablehloRngBitGeneratorOptions).algorithm
    if algorithm not in tuple(RngAlgorithm):
        raise n.unsupported(f"random algorithm {int(algorithm)} is not in this version of the schema")
    return algorithm == RngAlgorithm.THREEFRY


def prepare(n: Node) -> Params:
    return Params(_is_threefry(n), n.output(1).shape, n.output(1).dtype)


def eval_uint64(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    state = inputs[0]
    key, counter = int(state[0]), int(state[1])
    words = math.prod(p.shape) * p.dtype.itemsize // 4
    per_call = 2 if p.threefry else 4
    calls = -(-words // per_call)
    counters = np.arange(calls, dtype=np.uint64) + state[1:2]
    upper = int(state[2]) if len(state) == 3 else key
    made = _threefry(key, counters) if p.threefry else _philox(key, counters, upper)
    following = state.copy()
    following[1] = (counter + calls) % 2**64
    bits = np.ascontiguousarray(np.stack(made, axis=1).reshape(-1)[:words])
    return [following, bits.astype("<u4").view(p.dtype.newbyteorder("<")).astype(p.dtype).reshape(p.shape)]


def _threefry(key: int, counters: Array) -> list[Array]:
    """Two uint32 words for each counter."""
    keys = [np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)]
    keys.append(keys[0] ^ keys[1] ^ _THREEFRY_PARITY)
    a, b = (counters & _LOW).astype(np.uint32) + keys[0], (counters >> _WORD).astype(np.uint32) + keys[1]
    for group in range(5):
        for rotation in _THREEFRY_ROTATIONS[group % 2]:
            a = a + b
            b = (b << np.uint32(rotation) | b >> np.uint32(32 - rotation)) ^ a
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + np.uint32(group + 1)
    return [a, b]


def _philox(key: int, counters: Array, upper: int) -> list[Array]:
    """Four uint32 words for each counter; the words are held as uint64 so that products keep their upper half."""
    keys = [key & 0xFFFFFFFF, key >> 32]
    a, b = counters & _LOW, counters >> _WORD
    c, d = np.full_like(a, upper & 0xFFFFFFFF), np.full_like(a, upper >> 32)
    for _ in range(10):
        first, second = a * _PHILOX_MULTIPLIERS[0], c * _PHILOX_MULTIPLIERS[1]
        a, c = (second >> _WORD) ^ b ^ np.uint64(keys[0]), (first >> _WORD) ^ d ^ np.uint64(keys[1])
        b, d = second & _LOW, first & _LOW
        keys = [(word + more) % 2**32 for word, more in zip(keys, _PHILOX_INCREMENTS, strict=True)]
    return [word.astype(np.uint32) for word in (a, b, c, d)]


OP = Op(infer=infer, prepare=prepare, kernels={"uint64": eval_uint64})
