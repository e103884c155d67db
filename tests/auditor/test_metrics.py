from __future__ import annotations

import math

import numpy as np
import pytest

from qcore import QuantizationError
from qcore.auditor.metrics import compare_layers, quantized_inputs, real_values, sqnr
from qcore.ir import QuantParams, Tensor
from tests.graphs import chain_of_adds, int8_add, values
from tflite_schema import TensorType


def test_sqnr_is_in_decibels() -> None:
    assert sqnr(np.array([10.0]), np.array([9.0])) == pytest.approx(20.0)
    assert sqnr(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == math.inf
    assert sqnr(np.array([0.0]), np.array([1.0])) == -math.inf


def test_real_values_per_tensor_and_per_channel() -> None:
    tensor = Tensor("w", (2, 2), TensorType.INT8, 0, QuantParams.of([1.0, 2.0], 0, quantized_dimension=1))
    np.testing.assert_array_equal(
        real_values(tensor, np.array([[1, 1], [2, 2]], np.int8)), np.array([[1, 2], [2, 4]], np.float32)
    )
    tensor.quant = QuantParams.of(0.5, 1)
    np.testing.assert_array_equal(real_values(tensor, np.array([3], np.int8)), np.array([1], np.float32))
    tensor.quant = None
    np.testing.assert_array_equal(real_values(tensor, values([1.5])), values([1.5]))


def test_a_model_compared_with_itself_is_without_noise() -> None:
    model = chain_of_adds()
    rows = compare_layers(model, model, [[values([1, 2, 3])], [values([4, 5, 6])]])
    assert [(row.operator, row.name, row.sqnr) for row in rows] == [(0, "ADD", math.inf), (1, "ADD", math.inf)]


def test_models_that_do_not_correspond_are_refused() -> None:
    with pytest.raises(QuantizationError, match="different operators"):
        compare_layers(chain_of_adds(), int8_add(), [])


def test_float_samples_are_quantized_for_integer_inputs() -> None:
    a, b = quantized_inputs(int8_add(0.5, 3), [values([1.0]), np.array([[7]], np.int8)])
    np.testing.assert_array_equal(a, np.array([[5]], np.int8))
    np.testing.assert_array_equal(b, np.array([[7]], np.int8))
