"""Test material for the resizing operators: images and wanted sizes of every proportion."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator


@st.composite
def resize(
    draw: st.DrawFn, code: BuiltinOperator, dtype: Any, options: st.SearchStrategy[Any], tolerance: float = 0.0
) -> OneOp:
    """An image with a wanted size between 1 x 1 and about twice its own, known or given at run time."""
    shape = (draw(strategies.batch()), draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(1, 5)))
    size = np.array([draw(st.integers(1, 30)), draw(st.integers(1, 30))], np.int32)
    if dtype is np.float32:
        x = Operand(draw(strategies.floats(shape)))
    else:
        x = Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), 0)
    operands = [x, Operand(size, constant=draw(st.booleans()))]
    return OneOp(code, operands, [Result(dtype, x.scale, x.zero_point)], draw(options), 4, tolerance)
