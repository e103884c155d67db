from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import ActivationFunctionType, AddOptions, BuiltinOperator

CODE = BuiltinOperator.ADD
OPTIONS = st.builds(AddOptions, fused_activation_function=strategies.FUSED)
GENERAL = st.builds(AddOptions, fused_activation_function=strategies.FUSED, pot_scale_int16=st.just(False))


def result_scale(a: float, b: float) -> st.SearchStrategy[float]:
    """TFLite requires the result's scale to be above 2 max(sa, sb) / 2^L, L = 20 or 15."""
    return st.one_of(st.just(a), strategies.scales()).map(lambda y: y + max(a, b) * 2**-13)


@st.composite
def power_of_two(draw: st.DrawFn) -> OneOp:
    """int16 whose scales are powers of two: one operand at the result's scale, the other at a smaller one."""
    left = right = draw(strategies.shapes(3))  # TFLite aborts where such operands broadcast
    exponent, shift = draw(st.integers(-6, 2)), draw(st.integers(0, 9))
    scales = draw(st.permutations([2.0**exponent, 2.0 ** (exponent - shift)]))
    return OneOp(
        CODE,
        [
            Operand(draw(strategies.integers(shape, np.int16)), scale)
            for shape, scale in zip((left, right), scales, strict=True)
        ],
        [Result(np.int16, 2.0**exponent)],
        draw(OPTIONS),
    )


def number(dtype: Any) -> st.SearchStrategy[OneOp]:
    return binary(CODE, dtype, options=OPTIONS, quantized=False)


CASES = {
    "float32": number(np.float32),
    "int32": number(np.int32),
    "int64": number(np.int64),
    "int8": binary(CODE, np.int8, options=OPTIONS, result_scale=result_scale),
    "uint8": binary(CODE, np.uint8, options=OPTIONS, result_scale=result_scale),
    "int16": st.one_of(
        binary(CODE, np.int16, options=GENERAL, result_scale=result_scale), power_of_two(), number(np.int16)
    ),
}
test_matches_reference = matches_reference(CASES)


def test_equal_scales_tie() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    a, b = np.meshgrid(values, values)
    options = AddOptions(fused_activation_function=ActivationFunctionType.NONE)
    case = OneOp(CODE, [Operand(a, 0.5), Operand(b, 0.5)], [Result(np.int8, 1.0)], options, 2)
    assert check(case) == 256 * 256


@pytest.mark.parametrize("shapes", [((64, 512), (64, 512)), ((64, 512), (512,)), ((512, 64, 1), (1, 512))])
def test_large_operands_are_looked_up_in_pieces(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    for dtype in (np.int8, np.uint8, np.int16):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        a, b = (Operand(rng.integers(low, high, shape, dtype, endpoint=True), 0.3) for shape in shapes)
        case = OneOp(CODE, [a, b], [Result(dtype, 0.5)], AddOptions())
        assert check(replace(case, invocations=2)) > 2**14


@pytest.mark.parametrize(
    ("scales", "message"),
    [((0.0, 0.5, 0.5), "above 0"), ((0.5, 0.5, 0.0), "above 0"), ((1.0, 1.0, 2.0**-20), "between 0 and 1")],
)
def test_scales_that_do_not_fit_are_refused(scales: tuple[float, float, float], message: str) -> None:
    x = np.zeros(3, np.int8)
    case = OneOp(CODE, [Operand(x, scales[0]), Operand(x, scales[1])], [Result(np.int8, scales[2])], AddOptions())
    with pytest.raises(QCoreError, match=message):
        Interpreter(case.model()).allocate_tensors()


def test_power_of_two_scales_do_not_broadcast() -> None:
    a, b = Operand(np.zeros((2, 3), np.int16), 0.5), Operand(np.zeros(3, np.int16), 0.25)
    with pytest.raises(QCoreError, match="do not broadcast"):
        Interpreter(OneOp(CODE, [a, b], [Result(np.int16, 0.5)], AddOptions()).model()).allocate_tensors()


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32)), Operand(np.zeros(4, np.float32))], [Result(np.float32)])
    with pytest.raises(QCoreError, match="do not broadcast"):
        Interpreter(case.model()).allocate_tensors()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("shapes", [((7, 19), (7, 19)), ((5, 19), (19,)), ((5, 19), (5, 1)), ((3, 1, 37), (1, 4, 1))])
def test_vector_code_and_what_it_leaves_over(shapes: tuple[tuple[int, ...], tuple[int, ...]], dtype: Any) -> None:
    """Optimized kernels: ties, sums that leave int16, runs of 19 and 37, of which vectors take 16 and 32 or 36."""
    rng = np.random.default_rng(2)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for scales in ((1 / 64, 1 / 32, 1 / 16), (0.5, 0.25, 0.5), (1.0, 1.0, 1 / 256), (0.5, 2.0**-9, 0.75)):
        a, b = (
            Operand(rng.integers(low, high, shape, dtype, endpoint=True), scale, low + 100)
            for shape, scale in zip(shapes, scales[:2], strict=True)
        )
        assert check(OneOp(CODE, [a, b], [Result(dtype, scales[2], low + 3)], AddOptions()), "optimized") > 0
