"""Test material for ARG_MAX and ARG_MIN: rows with many equal values, long and short, along any axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from tests import movement, strategies
from tests.one_op import OneOp, Operand, Result, check
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


def refuses_nan_among_four(case: Callable[..., OneOp]) -> None:
    """TFLite's vector code loses its way there, and finds an index that does not exist; LiteRT 2.3 has another rule."""
    x = np.array([[1, np.nan, 3, 2]] * 2, np.float32)
    assert check(case(x, axis=0)) == 4
    assert check(case(x[:, :3], axis=1), "optimized") == 2
    for kernels, columns in (("reference", 4), ("optimized", 4), ("reference@litert-2.3", 3)):
        with pytest.raises(UnsupportedError, match="among NaN is not known"):
            Interpreter(case(x[:, :columns], axis=1).model(), kernels=kernels).run([x[:, :columns]])
