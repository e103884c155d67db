from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement, strategies
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, RngAlgorithm, StablehloRngBitGeneratorOptions

CODE = BuiltinOperator.STABLEHLO_RNG_BIT_GENERATOR
EDGES = (0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**64 - 2, 2**64 - 1)


def model(state: Any, shape: tuple[int, ...], algorithm: RngAlgorithm, dtype: Any = np.uint32) -> OneOp:
    words = Operand(np.array(state, np.uint64))
    results = [Result(np.uint64, shape=words.value.shape), Result(dtype, shape=shape)]
    return OneOp(CODE, [words], results, StablehloRngBitGeneratorOptions(algorithm=algorithm))


@st.composite
def rng(draw: st.DrawFn, dtype: Any) -> OneOp:
    algorithm = draw(st.sampled_from(tuple(RngAlgorithm)))
    size = 2 if algorithm == RngAlgorithm.THREEFRY else draw(st.integers(2, 3))
    word = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1))
    state = draw(st.lists(word, min_size=size, max_size=size))
    return model(state, draw(strategies.shapes(draw(st.integers(0, 3)), 7)), algorithm, dtype)


CASES = movement.cases(rng, "int32", "int64", "uint32", "uint64")
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("counter", EDGES)
@pytest.mark.parametrize("algorithm", list(RngAlgorithm))
def test_the_counter_carries_and_wraps(counter: int, algorithm: RngAlgorithm) -> None:
    assert check(model([0x0123456789ABCDEF, counter], (13,), algorithm)) == 15


def test_published_answers() -> None:
    """Random123's known answers: Threefry2x32-20 and Philox4x32-10 of all zeros."""
    state = np.zeros(2, np.uint64)
    threefry = Interpreter(model(state, (2,), RngAlgorithm.THREEFRY).model()).run([state])
    assert threefry[1].tolist() == [0x6B200159, 0x99BA4EFE]
    philox = Interpreter(model(state, (4,), RngAlgorithm.PHILOX).model()).run([state])
    assert philox[1].tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox[0].tolist() == [0, 1]


def test_refusals() -> None:
    refused(model([1, 2, 3], (2,), RngAlgorithm.THREEFRY), r"a state of shape \(3,\), expected \(2,\)")
    refused(model([1, 2, 3, 4], (2,), RngAlgorithm.PHILOX), r"expected \(2,\) or \(3,\)")
    refused(model([1, 2], (2,), RngAlgorithm.PHILOX, np.int16), "random bits of type INT16")
    state = Operand(np.zeros(2, np.int64))
    wrong = OneOp(CODE, [state], [Result(np.int64, shape=(2,)), Result(np.int32)], StablehloRngBitGeneratorOptions())
    refused(wrong, "no int64 kernel")
