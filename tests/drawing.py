"""Test material for the random operators: shapes and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, RandomOptions

# One bit below 32 is set in each: both seeds 0 in 32 bits ask for other numbers at every run.
SEEDS = st.one_of(
    st.integers(-9, 9), st.integers(-(2**62), 2**62 - 1), st.sampled_from([2**31, -(2**31), 2**40 + 3])
).map(lambda seed: 2 * seed + 1)


def case(
    code: BuiltinOperator,
    shape: Any,
    seed: int,
    seed2: int,
    stored: bool = True,
    result: Any = np.float32,
    tolerance: float = 0.0,
    invocations: int = 1,
) -> OneOp:
    """RANDOM_UNIFORM or RANDOM_STANDARD_NORMAL of a shape."""
    operand = Operand(np.asarray(shape, np.int32), constant=stored)
    options = RandomOptions(seed=seed, seed2=seed2)
    return OneOp(code, [operand], [Result(result)], options, tolerance=tolerance, invocations=invocations)


@st.composite
def drawn(draw: st.DrawFn, code: BuiltinOperator, tolerance: float = 0.0) -> OneOp:
    """Any shape and seeds, not both zero; the shape is known or given at run time."""
    shape = draw(strategies.shapes(draw(st.integers(1, 4))))
    seed, seed2 = draw(SEEDS), draw(SEEDS)
    invocations = draw(st.integers(1, 3))
    return case(code, shape, seed, seed2, draw(st.booleans()), tolerance=tolerance, invocations=invocations)


def refuses_what_cannot_be(code: BuiltinOperator) -> None:
    """Assert that shapes and types that do not fit are refused."""
    for model, message in (
        (case(code, [3, -1], 1, 1), "the wanted shape is"),
        (case(code, [3, -1], 1, 1, stored=False), "the wanted shape is"),
        (case(code, [[3]], 1, 1), "expected a vector"),
        (case(code, [2**16, 2**16], 1, 1), "more than"),
        (case(code, [3], 1, 1, result=np.int32), "a result of type INT32"),
        (case(code, [3], 0, 0), "both seeds are 0"),
        (case(code, [3], 2**32, 2**40), "both seeds are 0 in 32 bits"),
    ):
        with pytest.raises(QCoreError, match=message):
            Interpreter(to_bytes(model.model())).run(model.feeds())
