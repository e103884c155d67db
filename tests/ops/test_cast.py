from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from qcore.numerics.float32 import to_bfloat16
from tests import strategies
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, CastOptions, TensorType

CODE = BuiltinOperator.CAST
DTYPES_OF = {
    "bool": np.bool_,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "complex64": np.complex64,
}
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
SATURATES = {
    "float32": ("uint8", "int16", "int32", "int64"),
    "float64": ("int32", "int64"),
    "float16": ("int32", "int64"),
}
WILD = [np.nan, np.inf, -np.inf, 0.5, -0.5, -0.0, 1e-8, 255.9, -128.9, 300.0, -200.0, 7e4, 3e9, -3e9, 1e19, -1e19]


@st.composite
def cast(draw: st.DrawFn, source: str) -> OneOp:
    target = draw(st.sampled_from([*sorted(DTYPES_OF), "bfloat16"]))
    shape = draw(strategies.shapes(draw(st.integers(0, 4))))
    dtype: Any = DTYPES_OF[source]
    if source == "bool":
        x = draw(strategies.integers(shape, np.int8, 0, 1)).astype(np.bool_)
    elif source in INTEGERS:
        x = draw(strategies.integers(shape, dtype))
    else:
        x = draw(real_numbers(shape, source, target)).astype(dtype)
    y = to_bfloat16_result() if target == "bfloat16" else Result(DTYPES_OF[target])
    return OneOp(CODE, [Operand(x, constant=draw(st.booleans()))], [y])


@st.composite
def real_numbers(draw: st.DrawFn, shape: tuple[int, ...], source: str, target: str) -> Any:
    """Floats: anything where C defines the result or TFLite's is known, else numbers inside the target."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if target in INTEGERS and target not in SATURATES.get(source, ()):
        info = np.iinfo(DTYPES_OF[target])
        return 0.99 * rng.uniform(max(info.min, -60000), min(info.max, 60000), shape)  # float16 rounds up to 2^15
    values = rng.normal(0, 1, shape) * 10.0 ** draw(st.integers(-3, 12))
    chosen = rng.choice(np.array(WILD[1:] if (source, target) == ("float32", "int16") else WILD), shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.where(rng.random(shape) < 0.3, chosen, values).astype(DTYPES_OF[source])


@st.composite
def from_small(draw: st.DrawFn, type_: TensorType, low: int, high: int) -> OneOp:
    x = draw(strategies.integers(draw(strategies.shapes(draw(st.integers(1, 4)))), np.int8, low, high))
    return OneOp(CODE, [Operand(x, constant=True, type=type_)], [Result(np.float32)])


@st.composite
def from_bfloat16(draw: st.DrawFn) -> OneOp:
    target = draw(st.sampled_from(["float32", "float16", "float64", "bfloat16", "bool"]))
    shape = draw(strategies.shapes(draw(st.integers(0, 4))))
    x = to_bfloat16(draw(real_numbers(shape, "float32", target)))
    y = to_bfloat16_result() if target == "bfloat16" else Result(DTYPES_OF[target])
    return OneOp(CODE, [Operand(x, type=TensorType.BFLOAT16)], [y])


def to_bfloat16_result() -> Result:
    return Result(np.uint16, type=TensorType.BFLOAT16)


CASES = {source: cast(source) for source in DTYPES_OF}
CASES |= {
    "bfloat16": from_bfloat16(),
    "int4": from_small(TensorType.INT4, -8, 7),
    "uint4": from_small(TensorType.UINT4, 0, 15),
    "int2": from_small(TensorType.INT2, -2, 1),
}
test_matches_reference = matches_reference(CASES)


def test_to_4_bits() -> None:
    x = np.array([np.nan, 19, -9, 7.9, -8.9, -0.5, 3.7], np.float32)
    for type_ in (TensorType.INT4, TensorType.UINT4):
        assert check(OneOp(CODE, [Operand(x)], [Result(np.int8, type=type_)])) == 7


def test_to_2_bits_and_back() -> None:
    """TensorFlow's Python interpreter cannot read an int2 tensor: it is cast back."""
    x = np.array([np.nan, 9, -9, 1.9, -2.9, -0.5, 0.7], np.float32)
    model = empty_model()
    main = GraphBuilder(model, "main")
    given_, two_bits, y = (main.tensor(dtype, x.shape) for dtype in (np.float32, TensorType.INT2, np.float32))
    main.op(CODE, [given_], [two_bits], CastOptions())
    main.op(CODE, [two_bits], [y], CastOptions())
    main.done([given_], [y])
    assert same_as_tflite(model, [x])[0].tolist() == [1, 1, -2, 1, -2, 0, 0]


@pytest.mark.parametrize("target", ["uint8", "int16", "int32", "int64"])
def test_float32_outside_the_type(target: str) -> None:
    for length in (1, 16, 33):
        x = np.resize(np.array(WILD[1:] if target == "int16" else WILD, np.float32), length * len(WILD))
        check(OneOp(CODE, [Operand(x)], [Result(DTYPES_OF[target])]))


@pytest.mark.parametrize(("target", "number"), [(np.int8, 200.0), (np.int16, np.nan), (np.uint32, -1.0)])
def test_undefined_results_are_refused(target: Any, number: float) -> None:
    case = OneOp(CODE, [Operand(np.array([1.0, number], np.float32))], [Result(target)])
    with pytest.raises(QCoreError, match=rf"CAST \(float32 -> \w+\): {number} is outside"):
        Interpreter(case.model()).run(case.feeds())


@pytest.mark.parametrize(
    ("source", "target"), [(np.uint64, np.int8), (np.int8, np.uint64), (np.float32, np.complex128)]
)
def test_types_that_tflite_does_not_cast_are_refused(source: Any, target: Any) -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, source))], [Result(target)])
    with pytest.raises(QCoreError, match=r"no uint64 kernel|not these types"):
        Interpreter(case.model()).allocate_tensors()
