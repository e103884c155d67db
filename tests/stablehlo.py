"""Test material for the StableHLO operators: operands with and without scales, and graphs that hold one operator."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.ir import Operator, Subgraph, Tensor, tensor_type
from tests import elementwise, movement, strategies
from tests.one_op import OneOp, Operand
from tflite_schema import BuiltinOperator

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
FLOATS = ("float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")


def values(shape: tuple[int, ...], dtype: Any) -> st.SearchStrategy[Any]:
    """Data of any dtype; float32 with NaN, infinities and denormals among it."""
    return elementwise.floats(shape) if dtype is np.float32 else movement.values(shape, dtype)


@st.composite
def operand(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Operand:
    """An operand, stored or fed; integers with parameters or without: the operators do not read them."""
    x = draw(values(shape, dtype))
    constant = draw(st.booleans())
    if dtype in (np.int8, np.uint8, np.int16, np.int32) and draw(st.booleans()):
        return Operand(x, draw(strategies.scales()), draw(elementwise.zero_point_for(dtype)), constant=constant)
    return Operand(x, constant=constant)


@st.composite
def binary(draw: st.DrawFn, code: BuiltinOperator, dtype: Any, optimized: bool = False) -> OneOp:
    """Two operands of one shape."""
    shape = draw(movement.shape(0, 6, 4))
    a, b = draw(operand(shape, dtype)), draw(operand(shape, dtype))
    if a.constant and b.constant:
        b = Operand(b.value, b.scale, b.zero_point)
    return OneOp(code, [a, b], [movement.like(draw(operand((), dtype)))], optimized=optimized)


def region(code: BuiltinOperator | None, dtype: Any, options: Any = None, shape: tuple[int, ...] = ()) -> Subgraph:
    """A graph of one operator with two operands, or (None) one that returns its second operand."""
    tensors = [Tensor(name, shape, tensor_type(dtype)) for name in ("a", "b", "y")]
    if code is None:
        return Subgraph("region", tensors[:2], [], (0, 1), (1,))
    return Subgraph("region", tensors, [Operator(code, (0, 1), (2,), options)], (0, 1), (2,))
