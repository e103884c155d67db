from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.ops.test_pad import paddings_operand
from tflite_schema import BuiltinOperator, PadV2Options


@st.composite
def padv2(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = draw(movement.shape(1, 5, 4, empty=not fed))
    x = draw(movement.operand(shape, dtype))
    value = Operand(
        draw(movement.values(draw(st.sampled_from([(), (1,)])), dtype)),
        x.scale,
        x.zero_point,
        constant=draw(st.booleans()),
        type=x.type,
    )
    operands = [x, paddings_operand(draw, len(shape), fed), value]
    return OneOp(BuiltinOperator.PADV2, operands, [movement.like(x)], PadV2Options())


CASES = movement.cases(padv2, *COMMON, "bool", "float16", "bfloat16")
test_matches_reference = matches_reference(CASES)


def model(x: Operand, value: Operand | None, result: Result) -> OneOp:
    return OneOp(BuiltinOperator.PADV2, [x, constant([[1, 0]]), value], [result], PadV2Options())


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_the_value_may_be_omitted(dtype: Any) -> None:
    assert check(model(Operand(np.array([7], dtype)), None, Result(dtype))) == 2


def test_refusals() -> None:
    x = Operand(np.array([5], np.int8), 0.5, -3)
    other = Operand(np.zeros((), np.int8), 0.25, -3)
    refused(model(x, other, Result(np.int8, 0.5, -3)), "values are only moved", theirs=False)  # later versions refuse
    refused(model(x, Operand(np.zeros(2, np.int8), 0.5, -3), Result(np.int8, 0.5, -3)), "expected a scalar")
    refused(model(x, Operand(np.zeros((), np.float32)), Result(np.int8, 0.5, -3)), "must have one type")
