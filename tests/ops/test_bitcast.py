from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import DTYPES, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BitcastOptions, BuiltinOperator

WIDTHS = [name for name in DTYPES if name not in ("string", "bool", "int4")]


@st.composite
def bitcast(draw: st.DrawFn, dtype: Any) -> OneOp:
    y = movement.like(draw(movement.operand((1,), DTYPES[draw(st.sampled_from(WIDTHS))])))
    shape = draw(movement.shape(1, 4, 4))
    x = draw(movement.operand(shape, dtype))
    count = np.dtype(y.dtype).itemsize // x.value.dtype.itemsize
    if count > 1:
        x = replace(x, value=draw(movement.values((*shape, count), dtype)))
    return OneOp(BuiltinOperator.BITCAST, [x], [y], BitcastOptions())


CASES = movement.cases(bitcast, *WIDTHS)
test_matches_reference = matches_reference(CASES)


def model(x: Any, result: Any) -> OneOp:
    return OneOp(BuiltinOperator.BITCAST, [Operand(x)], [Result(result)], BitcastOptions())


def test_refusals() -> None:
    refused(model(np.zeros((2, 3), np.int8), np.int16), r"shape \(2, 3\) must end in 2 to be read as INT16")
    refused(model(np.zeros((), np.int8), np.int16), "must end in 2", theirs=False)
    refused(model(np.zeros(2, np.int8), np.bool_), "are no booleans", theirs=False)
    refused(model(np.zeros(2, np.int8), object), "STRING has no bytes of its own")
