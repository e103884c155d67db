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
from tflite_schema import BuiltinOperator, ResizeNearestNeighborOptions

CODE = BuiltinOperator.RESIZE_NEAREST_NEIGHBOR
EVERY = [
    ResizeNearestNeighborOptions(align_corners=corners, half_pixel_centers=centres)
    for corners in (False, True)
    for centres in (False, True)
]
CASES = {
    name: resize(CODE, dtype, st.sampled_from(EVERY))
    for name, dtype in {"float32": np.float32, "uint8": np.uint8, "int8": np.int8, "int16": np.int16}.items()
}
test_matches_reference = matches_reference(CASES)


def case(x: Any, size: Any, options: ResizeNearestNeighborOptions = EVERY[0]) -> OneOp:
    return OneOp(CODE, [Operand(x, 1.0), movement.constant(size)], [Result(x.dtype, 1.0)], options, 4)


def test_by_hand() -> None:
    x = np.array([10, 20, 30], np.int8).reshape(1, 1, 3, 1)
    y = Interpreter(to_bytes(case(x, [1, 5]).model())).run([x])[0].reshape(-1)
    assert y.tolist() == [10, 10, 20, 20, 30]


@pytest.mark.parametrize("options", EVERY)
def test_every_ratio(options: ResizeNearestNeighborOptions) -> None:
    for size in range(1, 20):
        x = np.arange(size, dtype=np.int8).reshape(1, 1, size, 1)
        for output in range(1, 40, 3):
            assert check(case(x, [1, output], options)) == output


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (case(np.zeros((1, 2, 2, 1), np.int8), [0, 4]), "wanted size is 0 x 4"),
        (case(np.zeros((2, 2, 1), np.int8), [4, 4]), "operand has shape"),
        (case(np.zeros((1, 2, 2, 1), np.int64), [4, 4]), "no int64 kernel"),
    ],
)
def test_models_that_cannot_be(model: OneOp, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(to_bytes(model.model())).run(model.feeds())
