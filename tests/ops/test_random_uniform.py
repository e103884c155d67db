from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from qcore.ops._random import Stream
from qcore.tflite import to_bytes
from tests.drawing import case, drawn, refuses_what_cannot_be
from tests.one_op import check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.RANDOM_UNIFORM
CASES = {"float32": drawn(CODE)}
test_matches_reference = matches_reference(CASES)


def test_the_sequence_goes_on() -> None:
    assert check(case(CODE, [5], 1, 2, invocations=3)) == 5


def test_the_generator_against_a_published_vector() -> None:
    # Random123, philox4x32-10: a counter and a key of zeros, and of ones.
    assert [hex(w) for w in Stream(0, 0).words(0, 1)[0]] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    ones = Stream(-1, -1).words(2**64 - 1, 1)[0]
    assert [hex(w) for w in ones] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]


@given(st.integers(0, 2**130), st.integers(1, 9))
def test_blocks_do_not_depend_on_where_one_starts(first: int, blocks: int) -> None:
    stream = Stream(3, 4)
    one_by_one: Any = np.concatenate([stream.words(first + i, 1) for i in range(blocks)])
    assert np.array_equal(stream.words(first, blocks), one_by_one)


def test_two_interpreters_draw_the_same() -> None:
    model = to_bytes(case(CODE, [4], 7, 0).model())
    first, second = Interpreter(model), Interpreter(model)
    assert np.array_equal(first.run([])[0], second.run([])[0])
    assert not np.array_equal(first.run([])[0], Interpreter(model).run([])[0])


def test_models_that_cannot_be() -> None:
    refuses_what_cannot_be(CODE)


@pytest.mark.parametrize("seeds", [(0, 2**31), (2**31, 0), (2**40, 3), (-(2**40) - 7, 5), (-1, -1), (2**32, 1)])
def test_seeds_keep_32_bits(seeds: tuple[int, int]) -> None:
    assert check(case(CODE, [6], *seeds)) == 6
