from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qcore.tflite import to_bytes
from tests import movement, oracle
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.reduction import one, reduction, refuses, run
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.SUM
# int8 and int16 are not here: TFLite's reference kernel reads their bytes as uint8 and answers nonsense. The tests
# below compare them with kernels that compute the same number: the uint8 SUM, and the int16 MEAN of 2^k elements.
CASES = {name: reduction(CODE, movement.DTYPES[name]) for name in ("float32", "int32", "int64", "uint8", "bool")}
test_matches_reference = matches_reference(CASES)


@given(reduction(CODE, np.int8, 2))
def test_int8_is_uint8_moved_by_128(case: OneOp) -> None:
    x, axes = case.operands
    assert x is not None
    (y,) = case.results
    moved = (x.value.astype(np.int16) + 128).astype(np.uint8)
    operands = [Operand(moved, x.scale, x.zero_point + 128), axes]
    twin = OneOp(CODE, operands, [Result(np.uint8, y.scale, y.zero_point + 128)], case.options)
    theirs = oracle.outputs(to_bytes(twin.model()), twin.feeds())[0]
    if x.value.size == 0:
        assert not theirs.any()
        assert not run(case).any()
    else:
        assert np.array_equal(run(case).astype(np.int16) + 128, theirs)


@given(reduction(CODE, np.int16, empty=False, least_rank=1), st.integers(0, 3), st.data())
def test_int16_is_the_mean_times_the_count(case: OneOp, power: int, data: st.DataObject) -> None:
    x, _ = case.operands
    assert x is not None
    (y,) = case.results
    rows = np.resize(x.value.reshape(-1), (max(x.value.size, 2**power) >> power, 2**power)).astype(np.int16)
    ours = run(one(CODE, rows, [1], Result(np.int16, y.scale), x.scale))
    mean = one(BuiltinOperator.MEAN, rows, [1], Result(np.int16, y.scale / 2**power), x.scale)
    assert np.array_equal(ours, oracle.outputs(to_bytes(mean.model()), mean.feeds())[0])


def test_int8_by_hand() -> None:
    x = np.array([[1, 2, -3], [-100, -100, 1]], np.int8)
    assert run(one(CODE, x, [1], Result(np.int8, 0.5, 3), 0.25, -1)).tolist() == [5, -95]


def test_int16_by_hand() -> None:
    x = np.array([[300, 2, -3], [-30000, -30000, 1]], np.int16)
    assert run(one(CODE, x, [1], Result(np.int16, 0.25), 0.25)).tolist() == [299, -32768]


def test_long_float_sums_keep_the_order_of_the_loop() -> None:
    x = np.random.default_rng(2).normal(size=(3, 37, 41, 5)).astype(np.float32)
    for axes in ([1, 2], [3, 0], [0, 1, 2, 3], [2]):
        assert check(one(CODE, x, axes, Result(np.float32))) > 0


def test_models_that_cannot_be() -> None:
    x = np.zeros((2, 3), np.int8)
    refuses(CODE, x, [2], Result(np.int8, 0.5), "axis 2 is outside a rank of 2", 0.5)
    refuses(CODE, x, [0], Result(np.int8), "no quantization scale", 0.5)
    refuses(CODE, x, [0], Result(np.int8, 0.0), "multiplier", 0.5)
