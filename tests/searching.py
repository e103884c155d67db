"""Test material for ARG_MAX and ARG_MIN: rows with many equal values, long and short, along any axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, TensorType


@st.composite
def arg(draw: st.DrawFn, code: BuiltinOperator, options: Any, dtype: Any) -> OneOp:
    """A search along a drawn axis, which is known or given at run time; indices of 32 or 64 bits."""
    shape = [*draw(movement.shape(1, 4, empty=False)), draw(st.integers(1, 70))]
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    shape[-1], shape[axis] = shape[axis], shape[-1]
    kind = draw(st.sampled_from([np.int32, np.int64]))
    place = np.asarray(axis if draw(st.booleans()) else [axis], draw(st.sampled_from([np.int32, np.int64])))
    x = draw(movement.values(tuple(shape), dtype))
    if np.dtype(dtype).kind == "i" and draw(st.booleans()):
        x = draw(strategies.integers(tuple(shape), dtype, -2, 2))
    output_type = TensorType.INT32 if kind is np.int32 else TensorType.INT64
    operands = [Operand(x), Operand(place, constant=draw(st.integers(0, 3)) > 0)]
    return OneOp(code, operands, [Result(kind)], options(output_type=output_type), 2)
