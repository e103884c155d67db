from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import strategies
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, LocalResponseNormalizationOptions

CODE = BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION


@st.composite
def floats(draw: st.DrawFn) -> OneOp:
    shape = (*draw(strategies.shapes(3, 4)), draw(st.integers(1, 9)))
    options = LocalResponseNormalizationOptions(
        radius=draw(st.integers(0, 12)),
        bias=draw(st.sampled_from([1.0, 0.5, 2.0])),
        alpha=draw(st.sampled_from([1.0, 0.1, 1e-4])),
        beta=draw(st.sampled_from([0.5, 0.75, 1.0, 2.0])),
    )
    return OneOp(CODE, [Operand(draw(strategies.floats(shape)))], [Result(np.float32)], options, tolerance=1e-6)


CASES = {"float32": floats()}
test_matches_reference = matches_reference(CASES)


def test_by_hand_the_window_has_no_right_end() -> None:
    x = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 3)
    options = LocalResponseNormalizationOptions(radius=1, bias=1.0, alpha=1.0, beta=1.0)
    model = OneOp(CODE, [Operand(x)], [Result(np.float32)], options)
    y = Interpreter(to_bytes(model.model())).run([x])[0].reshape(-1)
    assert np.allclose(y, [1 / 2, 2 / 6, 3 / 14])  # 1 + 1, 1 + 1 + 4, 1 + 4 + 9


def test_models_that_cannot_be() -> None:
    options = LocalResponseNormalizationOptions(radius=2**31 - 1, bias=1.0, alpha=1.0, beta=1.0)
    for x, message in ((np.zeros((2, 3), np.float32), "has shape"), (np.zeros((1, 1, 1, 2), np.int8), "no int8")):
        model = OneOp(CODE, [Operand(x)], [Result(x.dtype)], options)
        with pytest.raises(QCoreError, match=message):
            Interpreter(to_bytes(model.model())).run([x])
