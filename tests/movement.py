"""Test material for operators that only move values: operands of any type, and models that both sides must refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.numerics.float32 import to_bfloat16
from qcore.tflite import to_bytes
from tests import oracle, strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import TensorType

Array = NDArray[Any]
DTYPES: dict[str, Any] = {
    "float32": np.float32,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "bool": np.bool_,
    "float16": np.float16,
    "float64": np.float64,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "string": object,
    "int4": "int4",
    "bfloat16": "bfloat16",
}
COMMON = ("float32", "int8", "uint8", "int16", "int32", "int64")
FURTHER = ("bool", "float16", "bfloat16", "float64", "uint16", "uint32", "uint64", "complex64", "complex128")


def values(shape: tuple[int, ...], dtype: Any) -> st.SearchStrategy[Array]:
    """Data of any dtype that a tensor can hold; strings are short bytes, some of them empty.

    A string fed at run time needs a rank of 1 at least: TensorFlow's Python interpreter mistakes scalar ones.
    """
    if dtype == "int4":
        return strategies.integers(shape, np.int8, -8, 7)
    if dtype == "bfloat16":
        return strategies.floats(shape).map(to_bfloat16)
    if dtype is object:
        return st.integers(0, 2**32 - 1).map(lambda seed: _strings(shape, seed))
    kind = np.dtype(dtype).kind
    if dtype is np.uint64:
        return strategies.integers(shape, np.int64).map(lambda x: x.view(np.uint64))
    if kind in "iu":
        return strategies.integers(shape, dtype)
    if kind == "b":
        return strategies.integers(shape, np.int8, 0, 1).map(lambda x: x.astype(np.bool_))
    if kind == "c":
        pair = st.tuples(strategies.floats(shape), strategies.floats(shape))
        return pair.map(lambda parts: (parts[0] + 1j * parts[1]).astype(dtype))
    return strategies.floats(shape).map(lambda x: x.astype(dtype))


def _strings(shape: tuple[int, ...], seed: int) -> Array:
    rng = np.random.default_rng(seed)
    y = np.empty(int(np.prod(shape)), object)
    y[:] = [rng.bytes(int(rng.integers(0, 6))) for _ in range(y.size)]
    return y.reshape(shape)


def tensor_type_of(dtype: Any) -> TensorType | None:
    """The type of a tensor whose NumPy dtype does not tell it: "int4" and "bfloat16"."""
    return TensorType[dtype.upper()] if isinstance(dtype, str) else None


@st.composite
def operand(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any, constant: bool | None = False) -> Operand:
    """An operand of any type; 8- and 4-bit integers with parameters, int16 with and without. constant=None: either."""
    scale, zero_point = None, 0
    type_ = tensor_type_of(dtype)
    if type_ == TensorType.INT4:
        scale = draw(strategies.scales())
    elif dtype in (np.int8, np.uint8):
        scale, zero_point = draw(strategies.scales()), draw(strategies.zero_points(dtype))
    elif dtype is np.int16 and draw(st.booleans()):
        scale = draw(strategies.scales())
    stored = draw(st.booleans()) if constant is None else constant
    return Operand(draw(values(shape, dtype)), scale, zero_point, constant=stored, type=type_)


def like(x: Operand) -> Result:
    """A result with the operand's type and parameters."""
    return Result(x.value.dtype if x.value.dtype != object else object, x.scale, x.zero_point, type=x.type)


@st.composite
def indices(draw: st.DrawFn, content: Any, dtypes: Iterable[Any] = (np.int32,), fed: bool = True) -> Operand:
    """An operand that tells where: stored in the file or (where `fed` allows) given at run time.

    TensorFlow's Python interpreter cannot read an empty result whose shape it learned at run time: draw such shapes
    with fed=False.
    """
    value = np.asarray(content, draw(st.sampled_from(list(dtypes))))
    return Operand(value, constant=not fed or draw(st.booleans()))


@st.composite
def shape(draw: st.DrawFn, least: int, most: int, size: int = 5, empty: bool = False) -> tuple[int, ...]:
    """A shape whose rank lies between two numbers; now and then with a dimension of zero."""
    drawn = draw(strategies.shapes(draw(st.integers(least, most)), size))
    if empty and drawn and draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(drawn) - 1))
        return (*drawn[:place], 0, *drawn[place + 1 :])
    return drawn


def cases(build: Callable[[Any], st.SearchStrategy[OneOp]], *types: str) -> dict[str, st.SearchStrategy[OneOp]]:
    """CASES of an operator: its strategy for each of these types."""
    return {name: build(DTYPES[name]) for name in types}


def refused(case: OneOp, message: str, *, theirs: bool = True) -> None:
    """Assert that we refuse the model with this message, and (unless it would crash or go unnoticed) TFLite too."""
    model = to_bytes(case.model())
    if theirs:
        with pytest.raises((RuntimeError, ValueError)):
            oracle.outputs(model, case.feeds(), kernels="optimized" if case.optimized else "reference")
    with pytest.raises(QCoreError, match=message):
        Interpreter(model).run(case.feeds())


def constant(content: Any, dtype: Any = np.int32) -> Operand:
    """An operand stored in the file."""
    return Operand(np.asarray(content, dtype), constant=True)


def same_as_tflite(model: Model, feeds: list[Array], invocations: int = 1, *, optimized: bool = False) -> list[Array]:
    """Our results of the last run, after asserting that TFLite's are equal."""
    content = to_bytes(model)
    theirs = oracle.outputs(content, feeds, invocations, kernels="optimized" if optimized else "reference")
    runner = Interpreter(content)
    ours = [runner.run(feeds) for _ in range(invocations)][-1]
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine.dtype == reference.dtype
        assert mine.shape == reference.shape
        assert oracle.same_bits(mine, reference).all()
    return ours
