"""Test material for the reductions: any rank up to five, any axes, sizes of zero, axes known or given at run time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, ReducerOptions

QUANTIZED = (np.int8, np.uint8, np.int16)


@st.composite
def axes(draw: st.DrawFn, rank: int, stored: bool) -> Operand:
    """Axes of an operand: several, repeated, negative or none; given at run time unless `stored` or as it comes."""
    values = draw(st.lists(st.integers(-rank, rank - 1), max_size=rank + 1)) if rank else []
    return Operand(np.array(values, np.int32), constant=stored or draw(st.integers(0, 3)) > 0)


@st.composite
def reduction(
    draw: st.DrawFn,
    code: BuiltinOperator,
    dtype: Any,
    version: int = 1,
    *,
    same_scale: bool = False,
    tolerance: float = 0.0,
    empty: bool = True,
    least_rank: int = 0,
) -> OneOp:
    """A reduction of drawn data; the result's scale is drawn too unless it must be the operand's."""
    shape = draw(movement.shape(least_rank, 5, empty=empty))
    if dtype in QUANTIZED:
        zero_point = 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
        x = Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), zero_point)
        result = Result(dtype, x.scale, zero_point)
        if not same_scale and draw(st.integers(0, 3)):
            result = Result(
                dtype, draw(strategies.scales()), 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
            )
    else:
        x, result = Operand(draw(movement.values(shape, dtype))), Result(dtype)
    options = ReducerOptions(keep_dims=draw(st.booleans()))
    stored = 0 in shape  # TensorFlow cannot hand out an empty result whose shape was found at run time
    return OneOp(code, [x, draw(axes(len(shape), stored))], [result], options, version, tolerance)


def run(model: OneOp) -> Any:
    """Our result 0."""
    return Interpreter(to_bytes(model.model())).run(model.feeds())[0]


def one(code: BuiltinOperator, x: Any, axes: Any, result: Result, scale: float | None = None, zero: int = 0) -> OneOp:
    """A reduction of the given array."""
    version = 1 if x.dtype == np.bool_ else 2
    return OneOp(code, [Operand(x, scale, zero), movement.constant(axes)], [result], ReducerOptions(), version)


def refuses(code: BuiltinOperator, x: Any, axes: Any, result: Result, message: str, scale: float | None = None) -> None:
    """Assert that we refuse the model with this message."""
    with pytest.raises(QCoreError, match=message):
        run(one(code, x, axes, result, scale))
