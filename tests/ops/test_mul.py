from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from qcore.ir import QuantParams
from qcore.tflite import to_bytes
from tests import oracle, strategies
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, MulOptions

CODE = BuiltinOperator.MUL
OPTIONS = st.builds(MulOptions, fused_activation_function=strategies.FUSED)


@st.composite
def complexes(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Any:
    real, imaginary = draw(strategies.floats(shape)), draw(strategies.floats(shape))
    return (real + 1j * imaginary).astype(np.complex64)


def number(dtype: Any) -> st.SearchStrategy[OneOp]:
    return binary(CODE, dtype, options=OPTIONS, quantized=False)


CASES = {
    "float32": number(np.float32),
    "int32": number(np.int32),
    "int64": number(np.int64),
    "uint32": number(np.uint32),
    "complex64": binary(CODE, np.complex64, options=st.just(MulOptions()), quantized=False, data=complexes),
    "int8": binary(CODE, np.int8, options=OPTIONS),
    "uint8": binary(CODE, np.uint8, options=OPTIONS),
    "int16": st.one_of(binary(CODE, np.int16, options=OPTIONS), number(np.int16)),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("scales", [(0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (0.5, 0.25, 4.0)])
def test_every_pair_of_int8_numbers(scales: tuple[float, float, float]) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    assert check(OneOp(CODE, [Operand(a, scales[0], 3), Operand(b, scales[1])], [Result(np.int8, scales[2])])) == 65536


def test_minus_one_wraps_in_uint32() -> None:
    x = Operand(np.array([0, 1, 2, 2**32 - 1], np.uint32))
    options = MulOptions(fused_activation_function=ActivationFunctionType.RELU_N1_TO_1)
    case = OneOp(CODE, [x, x], [Result(np.uint32)], options)
    assert check(case) == 4
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [1, 1, 1, 1]


def test_complex_numbers_have_no_activation() -> None:
    x = Operand(np.zeros(3, np.complex64))
    options = MulOptions(fused_activation_function=ActivationFunctionType.RELU)
    with pytest.raises(QCoreError, match="complex numbers"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.complex64)], options).model()).allocate_tensors()


def test_another_result_type_is_refused() -> None:
    x = Operand(np.zeros(3, np.int16), 0.5)
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.int8, 0.5)]).model()).allocate_tensors()


def test_int16_zero_points_must_be_zero() -> None:
    x = Operand(np.zeros(3, np.int16), 0.5, 1)
    with pytest.raises(QCoreError, match="zero point 1"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.int16, 0.5)]).model()).allocate_tensors()


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
        assert check(OneOp(CODE, [a, b], [Result(dtype, scales[2], low + 3)], MulOptions()), "optimized") > 0


@pytest.mark.parametrize(("scale", "zero_point"), [(4.0, 0), (4.0, 1), (4.0, 2), (12.0, 1), (12.0, 2), (2 / 255, 2)])
def test_xnnpack_rounds_the_activation_range_with_its_zero_point(scale: float, zero_point: int) -> None:
    """6 / 4 + 1 = 2.5 becomes 2, not 1.5's 2 and 1 more: halves to even, after the sum."""
    a, b = (Operand(np.array(v, np.uint8), 0.5, 100) for v in ([255, 0, 0], [255, 255, 0]))
    for fused in (ActivationFunctionType.RELU6, ActivationFunctionType.RELU_N1_TO_1):
        options = MulOptions(fused_activation_function=fused)
        assert check(OneOp(CODE, [a, b], [Result(np.uint8, scale, zero_point)], options), "xnnpack") == 3


def test_an_operand_with_several_scales_has_none_for_the_kernel() -> None:
    """TFLite gives operators a scale of 0 for a tensor quantized per channel: every product is 0."""
    x = Operand(np.arange(4, dtype=np.int8), 0.5, 3)
    model = OneOp(CODE, [x, x], [Result(np.int8, 0.25, 7)], MulOptions()).model()
    model.main.tensors[0].quant = QuantParams.of([0.1, 0.2, 0.3, 0.4], 3)
    feeds = [np.arange(4, dtype=np.int8)] * 2
    np.testing.assert_array_equal(Interpreter(model).run(feeds)[0], np.full(4, 7))
    (theirs,) = oracle.outputs(to_bytes(model), feeds)
    np.testing.assert_array_equal(theirs, np.full(4, 7))
