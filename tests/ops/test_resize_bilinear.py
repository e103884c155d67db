from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.resizing import resize
from tflite_schema import BuiltinOperator, ResizeBilinearOptions

CODE = BuiltinOperator.RESIZE_BILINEAR
PLAIN = ResizeBilinearOptions()
EACH = [PLAIN, ResizeBilinearOptions(align_corners=True), ResizeBilinearOptions(half_pixel_centers=True)]
OPTIONS = st.sampled_from(EACH)
CASES = {
    "float32": resize(CODE, np.float32, OPTIONS, 1e-6),
    "uint8": resize(CODE, np.uint8, OPTIONS),
    "int8": resize(CODE, np.int8, OPTIONS),
    "int16": resize(CODE, np.int16, OPTIONS),
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, size: Any, options: ResizeBilinearOptions = PLAIN) -> OneOp:
    return OneOp(CODE, [Operand(x, 1.0), movement.constant(size)], [Result(x.dtype, 1.0)], options, 4)


def test_by_hand() -> None:
    x = np.array([[0, 3], [-5, 8]], np.int8).reshape(1, 2, 2, 1)
    y = Interpreter(to_bytes(case(x, [4, 4]).model())).run([x])[0].reshape(4, 4)
    assert y.tolist() == [[0, 2, 3, 3], [-3, 2, 6, 6], [-5, 2, 8, 8], [-5, 2, 8, 8]]


@pytest.mark.parametrize("options", [PLAIN, ResizeBilinearOptions(half_pixel_centers=True)])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float32])
def test_photograph_sizes(dtype: Any, options: ResizeBilinearOptions) -> None:
    x = np.random.default_rng(3).integers(0, 127, (1, 129, 97, 3)).astype(dtype)
    model = OneOp(CODE, [Operand(x, 1.0), movement.constant([224, 224])], [Result(dtype, 1.0)], options, 4)
    assert check(model) == 224 * 224 * 3


@pytest.mark.parametrize("size", [[40, 72], [31, 22], [10, 18]])
@pytest.mark.parametrize("options", EACH)
def test_optimized_uint8(options: ResizeBilinearOptions, size: list[int]) -> None:
    """Eightfold images of eight channels have code of their own, which is as exact as the float32 steps there."""
    x = np.random.default_rng(5).integers(0, 256, (2, 5, 9, 8), np.uint8)
    assert check(case(x, size, options), "optimized") == 2 * size[0] * size[1] * 8


@pytest.mark.parametrize("kernels", ["xnnpack", "xnnpack@litert-2.3"])
@pytest.mark.parametrize("options", EACH)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_vector_code_of_xnnpack(dtype: Any, options: ResizeBilinearOptions, kernels: str) -> None:
    limits = np.iinfo(dtype)
    x = np.random.default_rng(4).integers(limits.min, limits.max, (1, 13, 9, 37), dtype, endpoint=True)
    assert check(case(x, [31, 22], options), kernels) == 31 * 22 * 37


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((1, 2, 2, 1), np.int8), [0, 4]), "wanted size is 0 x 4"),
        (case(np.zeros((1, 2, 2, 1), np.int8), [4, -1]), "wanted size is 4 x -1"),
        (case(np.zeros((1, 2, 2, 1), np.int8), [4, 4, 4]), "the size has shape"),
        (case(np.zeros((2, 2, 1), np.int8), [4, 4]), "operand has shape"),
        (case(np.zeros((1, 0, 2, 1), np.int8), [4, 4]), "no pixels"),
        (case(np.zeros((1, 2, 2, 1), np.int8), [2**30, 2**30]), "leave TFLite's 32 bits"),
        (case(np.zeros((1, 2, 2, 1), np.int8), [2**20, 2**20]), "more than"),
        (case(np.zeros((1, 2, 2, 1), np.int64), [4, 4]), "no int64 kernel"),
        (
            case(
                np.zeros((1, 2, 2, 1), np.int8),
                [4, 4],
                ResizeBilinearOptions(align_corners=True, half_pixel_centers=True),
            ),
            "exclude each other",
        ),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(model.model())).run(model.feeds())
