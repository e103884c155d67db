from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, matches_reference
from tflite_schema import BuiltinOperator, TransposeOptions


@st.composite
def transpose(draw: st.DrawFn, dtype: Any) -> OneOp:
    fed = draw(st.booleans())
    shape = draw(movement.shape(1, 6, 4, empty=not fed))
    order = draw(st.permutations(range(len(shape))))
    order = [axis - len(shape) if draw(st.booleans()) else axis for axis in order]
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(order, fed=fed))]
    return OneOp(BuiltinOperator.TRANSPOSE, operands, [movement.like(x)], TransposeOptions())


CASES = movement.cases(transpose, *COMMON, "bool", "int4")
test_matches_reference = matches_reference(CASES)


def model(shape: tuple[int, ...], order: Any, dtype: Any = np.float32) -> OneOp:
    x = Operand(np.zeros(shape, dtype))
    return OneOp(BuiltinOperator.TRANSPOSE, [x, constant(order)], [movement.like(x)], TransposeOptions())


def test_refusals() -> None:
    refused(model((2, 3), [0, 2]), "permuted dimension 2 is outside a rank of 2")
    refused(model((2, 3), [0]), r"the permutation has shape \(1,\), expected \(2,\)")
    refused(model((2, 3), [0, 0]), "names a dimension twice", theirs=False)
    refused(model((1,) * 7, range(7)), "7 dimensions; the kernel takes up to 6")
    refused(model((2, 3), [1, 0], np.float64), "no float64 kernel")
