from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import strategies
from tests.drawing import SEEDS
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, RandomOptions

CODE = BuiltinOperator.MULTINOMIAL


def case(
    logits: Any,
    draws: Any,
    seeds: tuple[int, int] = (1, 2),
    result: Any = np.int64,
    stored: bool = True,
    times: int = 1,
) -> OneOp:
    operands = [
        Operand(np.asarray(logits, np.float32), constant=stored),
        Operand(np.asarray(draws, np.int32), constant=stored),
    ]
    options = RandomOptions(seed=seeds[0], seed2=seeds[1])
    return OneOp(CODE, operands, [Result(result)], options, invocations=times)


@st.composite
def classes(draw: st.DrawFn, result: Any) -> OneOp:
    logits = draw(strategies.floats((draw(strategies.batch()), draw(st.integers(1, 9)))))
    if draw(st.booleans()):
        logits[:, draw(st.integers(0, logits.shape[1] - 1))] = draw(st.sampled_from([-np.inf, np.inf, np.nan]))
    seeds = draw(st.tuples(SEEDS, SEEDS))
    return case(logits, draw(st.integers(1, 30)), seeds, result, draw(st.booleans()), draw(st.integers(1, 3)))


CASES = {"float32 to int32": classes(np.int32), "float32 to int64": classes(np.int64)}
test_matches_reference = matches_reference(CASES)


def run(model: OneOp) -> Any:
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0].tolist()


def test_certain_classes() -> None:
    assert run(case([[0, 99, 0], [99, 0, 0]], 4)) == [[1] * 4, [0] * 4]


@pytest.mark.parametrize("stored", [False, True])
def test_the_sequence_goes_on(stored: bool) -> None:
    logits = np.zeros((2, 50))
    assert check(case(logits, 7, stored=stored, times=3)) == 14


def test_many_draws() -> None:
    assert check(case(np.random.default_rng(3).normal(0, 3, (5, 100)), 4000)) == 20000


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros(3), 2), "expected .batch, classes."),
        (case(np.zeros((2, 0)), 2), "expected .batch, classes."),
        (case(np.zeros((2, 3)), -2), "the number of draws is -2"),
        (case(np.zeros((2, 3)), [2]), "expected a scalar"),
        (case(np.zeros((2, 3)), 2, (0, 0)), "both seeds are 0"),
        (case(np.zeros((2, 3)), 2, result=np.float32), "a result of type FLOAT32"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        run(model)
