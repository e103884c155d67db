from __future__ import annotations

import numpy as np

from qcore.ir import QuantParams
from qcore.quantizer.quantized_type import QuantizedType, activation_type, bias_type, constant_type, weight_type
from tflite_schema import TensorType


def test_activation() -> None:
    """0..2.55 in 256 steps of 0.01, the lowest of them -128."""
    found = activation_type(0.0, 2.55)
    assert found == QuantizedType((float(np.float32(2.55) / np.float32(255)),), (-128,))
    assert not found.narrow_range


def test_weight() -> None:
    values = np.array([[1.0, -2.0], [0.0, 0.5]], np.float32)
    per_channel = weight_type(values, 0)
    assert per_channel.scale == (float(np.float32(2) / np.float32(127)), float(np.float32(0.5) / np.float32(127)))
    assert per_channel.quantize(values).tolist() == [[64, -127], [0, 127]]  # 63.5 is rounded away from zero
    per_tensor = weight_type(values, None)
    assert per_tensor.quantized_dimension is None
    assert per_tensor.quantize(values).tolist() == [[64, -127], [0, 32]]


def test_constant_uses_the_full_range() -> None:
    values = np.array([0.0, 1.0], np.float32)
    assert constant_type(values).quantize(values).tolist() == [-128, 127]


def test_bias() -> None:
    x, w = QuantizedType((0.5,), (3,)), QuantizedType((0.25, 0.125), (0, 0), 0, narrow_range=True)
    found = bias_type((x, w), 1)
    assert found == QuantizedType((0.125, 0.0625), (0, 0), 0, TensorType.INT32)
    assert found.quantize(np.array([1.0, -1.0], np.float32)).tolist() == [8, -16]
    assert bias_type((x, QuantizedType((0.25,), (0,), 0)), 1).quantized_dimension is None
    assert bias_type((x, w), 3).quantized_dimension == 2


def test_to_and_from_parameters() -> None:
    found = QuantizedType.of(QuantParams.of([0.5, 0.25], 0, 3), TensorType.INT8)
    assert found == QuantizedType((0.5, 0.25), (0, 0), 3)
    assert found.quant.same_as(QuantParams.of([0.5, 0.25], 0, 3))
    assert QuantizedType.of(QuantParams.of(0.5, 4, 1), TensorType.UINT8).quantized_dimension is None
