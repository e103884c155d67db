from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, FURTHER, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator


@st.composite
def hashtable_lookup(draw: st.DrawFn, dtype: Any) -> OneOp:
    keys = sorted(draw(st.sets(st.integers(-9, 9), min_size=1, max_size=6)))
    wanted = draw(st.lists(st.integers(-10, 10), min_size=1, max_size=6))
    shape = () if dtype is object else draw(movement.shape(0, 2, 4))
    values = draw(movement.operand((len(keys), *shape), dtype))
    operands = [draw(movement.indices(wanted)), draw(movement.indices(keys)), values]
    results = [movement.like(values), Result(np.uint8)]
    return OneOp(BuiltinOperator.HASHTABLE_LOOKUP, operands, results)


CASES = movement.cases(hashtable_lookup, *COMMON, *FURTHER, "string")
test_matches_reference = matches_reference(CASES)


def model(keys: Any, values: Any, hits: Any = np.uint8) -> OneOp:
    operands = [constant([1, 5]), constant(keys), Operand(np.asarray(values))]
    return OneOp(BuiltinOperator.HASHTABLE_LOOKUP, operands, [Result(operands[2].value.dtype), Result(hits)])


def test_refusals() -> None:
    x = np.zeros((2, 3), np.float32)
    refused(model([5, 1], x), "the keys do not ascend", theirs=False)
    refused(model([1, 2, 3], x), r"3 keys for values of shape \(2, 3\)")
    refused(model([1, 2], x, np.int32), "hits are INT32, expected UINT8")
    refused(model([[1, 2]], x), "lookup and keys have shapes")
