from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tests.stablehlo import values
from tflite_schema import BuiltinOperator, ReduceWindowFunction, ReduceWindowOptions

CODE = BuiltinOperator.REDUCE_WINDOW
TYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
FUNCTIONS = tuple(ReduceWindowFunction)[1:]


@st.composite
def reduce_window(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 6, 4))
    rank = len(shape)

    def integers(most: int) -> Operand:
        return constant(draw(st.lists(st.integers(1, most), min_size=rank, max_size=rank)), np.int64)

    window = constant([draw(st.integers(1, min(size, 4))) for size in shape], np.int64)
    x = draw(movement.operand(shape, dtype))
    init = Operand(draw(movement.values((), dtype)), x.scale, x.zero_point, constant=draw(st.booleans()))
    function = draw(st.sampled_from([f for f in FUNCTIONS if dtype is not np.bool_ or f != ReduceWindowFunction.ADD]))
    operands = [
        Operand(draw(values(shape, dtype)), x.scale, x.zero_point),
        init,
        window,
        integers(3),
        integers(2),
    ]
    return OneOp(CODE, operands, [movement.like(x)], ReduceWindowOptions(reduce_function=function))


CASES = movement.cases(reduce_window, *TYPES)
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(6, dtype=np.int8).reshape(2, 3))


def model(window: Any, strides: Any, dilations: Any, function: ReduceWindowFunction, x: Operand = X) -> OneOp:
    windows = [constant(values, np.int64) for values in (window, strides, dilations)]
    operands = [x, constant(1, x.value.dtype), *windows]
    return OneOp(CODE, operands, [movement.like(x)], ReduceWindowOptions(reduce_function=function))


def test_by_hand() -> None:
    case = model([2, 2], [1, 1], [1, 1], ReduceWindowFunction.ADD)
    assert check(case) == 2
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[9, 13]]


def test_nan_depends_on_its_side() -> None:
    x = Operand(np.array([3, np.nan, 2, np.nan, np.nan, 0.5], np.float32))
    for function in (ReduceWindowFunction.MAXIMUM, ReduceWindowFunction.MINIMUM, ReduceWindowFunction.ANY):
        for width in range(1, 7):
            assert check(model([width], [1], [1], function, x)) == 7 - width


def test_a_window_that_does_not_fit_gives_nothing() -> None:
    assert check(model([2, 2], [1, 1], [1, 3], ReduceWindowFunction.ADD)) == 0


def test_refusals() -> None:
    add = ReduceWindowFunction.ADD
    refused(model([1, 1], [1, 1], [1, 1], ReduceWindowFunction.UNSUPPORTED), "windows reduced by")
    # TFLite divides by 0, or reads outside its memory.
    refused(model([1, 1], [1, 0], [1, 1], add), "window strides .* above 0", theirs=False)
    refused(model([1, 0], [1, 1], [1, 1], add), "window .* above 0", theirs=False)
    refused(model([1], [1, 1], [1, 1], add), "operand 2 has shape", theirs=False)
    refused(model([1] * 7, [1] * 7, [1] * 7, add, Operand(np.zeros((1,) * 7, np.int8))), "7 dimensions")
    booleans = Operand(np.ones((2, 2), np.bool_))
    refused(model([2, 2], [1, 1], [1, 1], add, booleans), "sums of booleans", theirs=False)
    case = model([1, 1], [1, 1], [1, 1], add)
    fed = Operand(np.array([1, 1], np.int64))
    refused(OneOp(CODE, [*case.operands[:2], fed, *case.operands[3:]], case.results, case.options), "at run time")
    narrow = constant([1, 1], np.int32)
    refused(OneOp(CODE, [*case.operands[:4], narrow], case.results, case.options), "windows of type INT32")
