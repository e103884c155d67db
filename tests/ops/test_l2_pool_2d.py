from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests.one_op import OneOp, Operand, Result, matches_reference
from tests.pooling import pool
from tflite_schema import BuiltinOperator, Padding, Pool2DOptions

CODE = BuiltinOperator.L2_POOL_2D
CASES = {"float32": pool(CODE, np.float32, tolerance=1e-5)}
test_matches_reference = matches_reference(CASES)
WINDOW = Pool2DOptions(padding=Padding.VALID, stride_h=1, stride_w=2, filter_height=1, filter_width=2)


def test_by_hand() -> None:
    x = np.array([3, -3, 1, 7], np.float32).reshape(1, 1, 4, 1)
    model = OneOp(CODE, [Operand(x)], [Result(np.float32)], WINDOW)
    assert Interpreter(to_bytes(model.model())).run([x])[0].reshape(-1).tolist() == [3, 5]


def test_integers_are_refused() -> None:
    x = np.zeros((1, 1, 4, 1), np.int8)
    model = OneOp(CODE, [Operand(x, 0.5)], [Result(np.int8, 0.5)], WINDOW)
    with pytest.raises(UnsupportedError, match="no int8 kernel"):
        Interpreter(to_bytes(model.model())).run([x])
