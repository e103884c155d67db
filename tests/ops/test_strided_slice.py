from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from tests import movement
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tflite_schema import BuiltinOperator, StridedSliceOptions


@st.composite
def strided_slice(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5, 5))
    masks: dict[str, Any] = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
    )
    begin, end, strides = [], [], []
    named = draw(st.integers(0, len(shape)))
    has_ellipsis = draw(st.booleans()) if named < len(shape) else False
    ellipsis_at = draw(st.integers(0, named)) if has_ellipsis else -1
    inserted = draw(st.integers(0, 5 - len(shape)))
    kinds = ["take"] * named
    for _ in range(inserted):
        kinds.insert(draw(st.integers(0, len(kinds))), "new")
    if has_ellipsis:
        place = next(i for i, kind in enumerate([*kinds, "take"]) if kinds[:i].count("take") == ellipsis_at)
        kinds.insert(place, "ellipsis")
    axis = 0
    for i, kind in enumerate(kinds):
        entry = [draw(st.integers(-3, 3)), draw(st.integers(-3, 3)), draw(st.integers(1, 3))]
        if kind == "new":
            masks["new_axis_mask"] |= 1 << i
        elif kind == "ellipsis":
            masks["ellipsis_mask"] |= 1 << i
            axis += len(shape) - named
        else:
            size = shape[axis]
            axis += 1
            if draw(st.booleans()):
                masks["shrink_axis_mask"] |= 1 << i
                entry = [draw(st.integers(-size, size - 1)), draw(st.integers(-9, 9)), 1]
            else:
                stride = draw(st.sampled_from([1, 1, 2, 3, -1, -2, -4]))
                entry = [draw(st.integers(-size - 2, size + 2)), draw(st.integers(-size - 2, size + 2)), stride]
                masks["begin_mask"] |= draw(st.integers(0, 1)) << i
                masks["end_mask"] |= draw(st.integers(0, 1)) << i
        begin.append(entry[0])
        end.append(entry[1])
        strides.append(entry[2])
    x = draw(movement.operand(shape, dtype))
    operands = [x, constant(begin), constant(end), constant(strides)]
    return OneOp(BuiltinOperator.STRIDED_SLICE, operands, [movement.like(x)], StridedSliceOptions(**masks))


CASES = movement.cases(strided_slice, *COMMON, "bool", "uint32", "float16", "bfloat16", "string")
test_matches_reference = matches_reference(CASES)


def model(x: Any, begin: Any, end: Any, strides: Any, fed: bool = False, **options: Any) -> OneOp:
    operands = [Operand(np.asarray(x))]
    operands += [Operand(np.asarray(v, np.int32), constant=not fed) for v in (begin, end, strides)]
    return OneOp(BuiltinOperator.STRIDED_SLICE, operands, [movement.like(operands[0])], StridedSliceOptions(**options))


X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_by_hand() -> None:
    case = model(X, [1, 0, -1], [2, 3, -5], [1, 2, -2], shrink_axis_mask=1)
    assert Interpreter(case.model()).run(X)[0].tolist() == [[15, 13], [23, 21]]


def test_bounds_at_run_time() -> None:
    assert check(model(X, [1, 0, -1], [2, 3, -5], [1, 2, -2], fed=True)) == 4


def test_offset_counts_from_begin() -> None:
    assert check(model(X, [0, 1, 1], [2, 2, 3], [1, 1, 2], offset=True)) == 8


def test_an_ellipsis_that_names_no_dimension_still_takes_one() -> None:
    """TFLite, unlike TensorFlow: x[..., 0, 0, 0] of three dimensions drops only the last two."""
    assert check(model(X, [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], ellipsis_mask=1, shrink_axis_mask=0b1110)) == 2


def test_an_index_before_the_start_is_clamped_to_it() -> None:
    assert check(model(X, [-9, 0, 0], [0, 3, 4], [1, 1, 1], shrink_axis_mask=1)) == 12


def test_a_scalar_gains_dimensions() -> None:
    for x in (np.array(3, np.float32), np.array(b"text", object)):
        y = Interpreter(model(x, [0], [0], [1], new_axis_mask=1).model()).run(x)[0]
        assert y.tolist() == [x.item()]
        assert Interpreter(model(x, [], [], []).model()).run(x)[0].shape == ()


def test_refusals() -> None:
    refused(model(X, [0], [2], [0]), "a stride is zero")
    refused(model(X, [0, 0], [2], [1, 1]), "have shapes")
    refused(model(X, [2], [3], [1], shrink_axis_mask=1), "index 2 lies outside shape", theirs=False)
    refused(model(X, [1], [3], [-1], shrink_axis_mask=1), "a dropped dimension has stride -1", theirs=False)
    refused(model(X, [1], [2], [1], offset=True), "length 2 leaves shape", theirs=False)
    refused(model(np.zeros((1,) * 6, np.float32), [0], [1], [1]), "6 dimensions; the kernel takes up to 5")
    refused(model(X, [0, 0], [1, 1], [1, 1], ellipsis_mask=3), "more than one ellipsis", theirs=False)
