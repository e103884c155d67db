"""Strategies of one-operator models for the elementwise families, and the refusals they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.numerics.float32 import to_bfloat16
from tests import strategies
from tests.movement import tensor_type_of
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator

Float = st.SearchStrategy[Any]
EXTREMES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3.4e38, -3.4e38, 1e-40, 1.0, -1.0], np.float32)


def zero_point_for(dtype: Any) -> st.SearchStrategy[int]:
    """A zero point; always 0 for int16, which TFLite requires."""
    return st.just(0) if dtype is np.int16 else strategies.zero_points(dtype)


@st.composite
def floats(draw: st.DrawFn, shape: tuple[int, ...], spread: float = 4.0) -> Any:
    """float32 data, sometimes with NaN, infinities, zeros of both signs and denormals among them."""
    values = draw(strategies.floats(shape, spread))
    if values.size and draw(st.booleans()):
        positions = draw(st.lists(st.integers(0, values.size - 1), max_size=4))
        for position in positions:
            values.reshape(-1)[position] = draw(st.sampled_from(list(EXTREMES)))
    return values


def values(shape: tuple[int, ...], dtype: Any) -> st.SearchStrategy[Any]:
    """Data of any dtype, "bfloat16" among them."""
    if dtype == "bfloat16":
        return floats(shape).map(to_bfloat16)
    if dtype is np.bool_:
        return strategies.integers(shape, np.int8, 0, 1).map(lambda v: v.astype(np.bool_))
    if np.dtype(dtype).kind == "f":
        return floats(shape).map(lambda v: _narrowed(v, dtype))
    return strategies.integers(shape, dtype)


def _narrowed(x: Any, dtype: Any) -> Any:
    with np.errstate(over="ignore"):
        return x.astype(dtype)


@st.composite
def unary(
    draw: st.DrawFn,
    code: BuiltinOperator,
    dtype: Any,
    *,
    options: st.SearchStrategy[Any] | None = None,
    result: st.SearchStrategy[tuple[float, int]] | None = None,
    scales: st.SearchStrategy[float] | None = None,
    quantized: bool = True,
    data: Callable[[tuple[int, ...]], st.SearchStrategy[Any]] | None = None,
    tolerance: float = 0.0,
    optimized: bool = False,
) -> OneOp:
    """One operand, one result of the same dtype; integers quantized with parameters of their own unless not."""
    shape = draw(strategies.shapes(draw(st.integers(0, 4)), 7))
    x = draw(data(shape) if data else values(shape, dtype))
    chosen = None if options is None else draw(options)
    if not quantized or dtype not in (np.int8, np.uint8, np.int16):
        type_ = tensor_type_of(dtype)
        operands, y = [Operand(x, type=type_)], Result(x.dtype, type=type_)
        return OneOp(code, operands, [y], chosen, tolerance=tolerance, optimized=optimized)
    x_scale = draw(scales or strategies.scales())
    if result is None:
        parameters = draw(st.one_of(st.just(x_scale), strategies.scales())), draw(zero_point_for(dtype))
    else:
        parameters = draw(result)
    return OneOp(
        code,
        [Operand(x, x_scale, draw(zero_point_for(dtype)))],
        [Result(dtype, *parameters)],
        chosen,
        optimized=optimized,
    )


@st.composite
def binary(
    draw: st.DrawFn,
    code: BuiltinOperator,
    dtype: Any,
    *,
    options: st.SearchStrategy[Any] | None = None,
    quantized: bool = True,
    result_dtype: Any = None,
    result_scale: Callable[[float, float], st.SearchStrategy[float]] | None = None,
    data: Callable[[tuple[int, ...], Any], st.SearchStrategy[Any]] = values,
    most_rank: int = 4,
    version: int = 1,
    tolerance: float = 0.0,
) -> OneOp:
    """Two operands that broadcast; 8 and 16 bits quantized with parameters of their own unless not.

    `result_scale` draws the result's scale from the operands' scales, where TFLite bounds it.
    """
    left, right = draw(strategies.broadcast_pair(most_rank))
    a, b = draw(data(left, dtype)), draw(data(right, dtype))
    chosen = None if options is None else draw(options)
    result_dtype = dtype if result_dtype is None else result_dtype
    constant = draw(st.booleans())
    if not quantized or dtype not in (np.int8, np.uint8, np.int16):
        type_ = tensor_type_of(dtype)
        operands = [Operand(a, type=type_), Operand(b, constant=constant, type=type_)]
        y = Result(a.dtype, type=type_) if result_dtype == "bfloat16" else Result(result_dtype)
        return OneOp(code, operands, [y], chosen, version, tolerance)
    a_scale, b_scale = draw(strategies.scales()), draw(strategies.scales())
    operands = [
        Operand(a, a_scale, draw(zero_point_for(dtype))),
        Operand(b, b_scale, draw(zero_point_for(dtype)), constant=constant),
    ]
    y_scale = draw(result_scale(a_scale, b_scale) if result_scale else strategies.scales())
    return OneOp(code, operands, [Result(result_dtype, y_scale, draw(zero_point_for(dtype)))], chosen, version)
