from __future__ import annotations

import numpy as np

from qcore.numerics import libm
from tests.one_op import OneOp, Operand, Result, check
from tflite_schema import BuiltinOperator

EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 22.0, -22.0, 0.34657359, 0.51986039, 2.0**-25, 2.0**-56]


def test_tanh_is_that_of_tflite_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([EDGES, *(rng.normal(0, spread, 50_000) for spread in (1e-8, 1e-3, 0.3, 1, 3, 20))])
    assert check(OneOp(BuiltinOperator.TANH, [Operand(x.astype(np.float32))], [Result(np.float32)])) > 300_000


def test_tanh_is_not_always_the_nearest_number() -> None:
    """Element 628 of the gate table of an 8x8_8 LSTM; TFLite goes on with the lower neighbour."""
    x = np.float32(628 / 4096)
    nearest = np.float32(np.tanh(np.float64(x)))
    assert libm.tanh(x) == np.nextafter(nearest, np.float32(0))


def test_expm1_is_within_a_unit_in_the_last_place() -> None:
    x = np.linspace(-30, 88, 100_001).astype(np.float32)
    exact = np.expm1(x.astype(np.float64))
    assert (np.abs(libm.expm1(x) - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()
    assert libm.expm1(np.array([-np.inf, np.inf, 89, 0], np.float32)).tolist() == [-1, np.inf, np.inf, 0]
    assert np.isnan(libm.expm1(np.float32(np.nan)))
