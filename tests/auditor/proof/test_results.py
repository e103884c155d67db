"""What becomes of the accumulators, against all accumulators there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.auditor.proof import prove
from qcore.interpreter import Interpreter
from tests.auditor.proof.cases import dense
from tflite_schema import ActivationFunctionType, FullyConnectedOptions


@settings(max_examples=15, deadline=None)
@given(
    st.integers(-127, 127),
    st.integers(-(2**15), 2**15),
    st.sampled_from([0.5, 1.0, 3.0, 32.0, 777.0]),
    st.integers(-128, 127),
    st.sampled_from([ActivationFunctionType.NONE, ActivationFunctionType.RELU]),
)
def test_every_input_of_one_weight(
    w: int, bias: int, scale: float, zero_point: int, fused: ActivationFunctionType
) -> None:
    options = FullyConnectedOptions(fused_activation_function=fused)
    model = dense([[w]], [bias], scale=scale, y_zero_point=zero_point, options=options).model()
    (layer,) = prove(model).layers
    found = layer.results
    assert found is not None
    y = Interpreter(model)
    y.resize_tensor_input(0, [256, 1])
    y.allocate_tensors()
    results = y.run([np.arange(-128, 128, dtype=np.int8)[:, None]])[0]
    assert (found.low[0], found.high[0]) == (results.min(), results.max())
    assert found.constant[0] == (results.min() == results.max())
    low = zero_point if fused == ActivationFunctionType.RELU else -128
    real = np.array([layer.by_reach.low[0], layer.by_reach.high[0]]) / scale + zero_point
    assert (found.saturates_low[0] > 0) == (real[0] < low - 0.5)
    assert (found.saturates_high[0] > 0) == (real[1] > 127.5)
    assert 0 <= found.saturates_low[0] + found.saturates_high[0] <= 1 + 1e-9


def test_half_of_the_sums_are_clamped() -> None:
    """Sums of -255 * 100 ... 0, a result that holds 0 ... 127 of them by a scale of 1 and zero point 0."""
    (layer,) = prove(dense([[-100]], [0], x_zero_point=-128, scale=100.0, y_zero_point=0).model()).layers
    assert layer.results is not None
    assert layer.results.multiplier.tolist() == [0.01]
    assert layer.results.saturates_low[0] == pytest.approx((255 - 128.5) / 255)
    assert layer.results.saturates_high.tolist() == [0]
