from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, ScatterNdOptions


@st.composite
def scatter_nd(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 4))
    outer = draw(movement.shape(1, 2, 4))
    depth = draw(st.integers(0, len(shape)))
    content = draw(movement.values((*outer, depth), np.uint32)) % np.array(shape[:depth], np.uint32)
    updates = draw(movement.operand((*outer, *shape[depth:]), dtype))
    index = Operand(content.astype(np.int32), constant=draw(st.booleans()))
    operands = [index, updates, draw(movement.indices(shape))]
    return OneOp(BuiltinOperator.SCATTER_ND, operands, [movement.like(updates)], ScatterNdOptions())


CASES = movement.cases(scatter_nd, "float32", "int8", "uint8", "int32", "int64", "bool")
test_matches_reference = matches_reference(CASES)


def model(index: Any, updates: Any, shape: Any, dtype: Any = np.int32) -> OneOp:
    values = Operand(np.asarray(updates))
    operands = [constant(index, dtype), values, constant(shape, dtype)]
    return OneOp(BuiltinOperator.SCATTER_ND, operands, [Result(values.value.dtype)], ScatterNdOptions())


def test_equal_indices_add_up_and_wrap() -> None:
    case = model([[1], [1], [0]], np.array([100, 100, 3], np.int8), [3])
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [3, -56, 0]
    assert check(case) == 3


def test_refusals() -> None:
    x = np.zeros(1, np.float32)
    refused(model([[3]], x, [3]), r"index 3 at \(0, 0\) is outside \[0, 3\)")
    refused(model([[-1]], x, [3]), "index -1")
    refused(model([[0], [1]], x, [3]), r"updates of shape \(1,\) do not fit indices \(2, 1\)")
    refused(model([[0]], x, [3], np.int64), "indices of type INT64")
    refused(model([[0]], x, [-3]), "negative dimension")
