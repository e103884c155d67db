from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore.auditor.differ.change import operator_changes, parameter_changes, tensor_changes, ulps
from qcore.ir import Model, Operator, QuantParams, Tensor
from tflite_schema import BuiltinOperator, Conv2DOptions, Padding, TensorType


def test_ulps_count_across_zero() -> None:
    tiny = np.finfo(np.float32).smallest_subnormal
    one = np.float32(1)
    a, b = [one, one, tiny, 0.0, -tiny], [np.nextafter(one, 2), one, -tiny, -0.0, tiny]
    assert ulps(a, b).tolist() == [1, 0, 2, 0, 2]
    assert ulps(np.float32(1), np.float32(2)) == 1 << 23


def test_options_are_compared_with_their_defaults() -> None:
    a = Operator(BuiltinOperator.CONV_2D, (), (), Conv2DOptions(padding=Padding.SAME, stride_h=2))
    b = replace(a, options=Conv2DOptions(padding=Padding.VALID, stride_h=2, stride_w=0), version=3)
    assert [str(change) for change in operator_changes(a, b)] == [
        "operator version: 1 -> 3",
        "operator options.padding: SAME -> VALID",
    ]
    absent = operator_changes(replace(a, options=None), a)
    assert [str(change) for change in absent] == ["operator options: none -> Conv2DOptions"]
    stated = replace(a, options=Conv2DOptions(padding=Padding.SAME, stride_h=2, stride_w=0))
    assert operator_changes(a, stated) == []
    custom = replace(a, custom_options=np.array([1], np.uint8))
    assert [change.what for change in operator_changes(a, custom)] == ["custom options"]


def test_scales_in_ulp_and_zero_points_in_steps() -> None:
    scale = np.array([0.5, 0.25], np.float32)
    a = QuantParams.of(scale, 0)
    b = QuantParams.of([scale[0], np.nextafter(np.nextafter(scale[1], np.float32(1)), np.float32(1))], [0, 3])
    found = parameter_changes("weights", a, b)
    assert [(change.what, change.measures) for change in found] == [
        ("scale", {"ulp": 2, "channels": 1, "of": 2}),
        ("zero point", {"channels": 1, "of": 2}),
    ]
    assert str(found[0]) == "weights scale: 1 of 2 channels, at most 2 ulp (0.25 -> 0.25000006)"
    far = parameter_changes("result", QuantParams.of(0.5), QuantParams.of(0.75))
    assert str(far[0]) == "result scale: a factor of 1.5 (0.5 -> 0.75)"
    assert [str(c) for c in parameter_changes("x", a, QuantParams.of(0.5))] == [
        "x granularity: 2 scales along axis 0 -> one scale"
    ]
    assert [str(c) for c in parameter_changes("x", None, QuantParams.of(0.5, 3))] == [
        "x quantization: none -> scale 0.5, zero point 3"
    ]
    assert parameter_changes("x", None, None) == []
    assert parameter_changes("x", a, QuantParams.of(scale, 0)) == []


def constant(values: np.ndarray, quant: QuantParams | None = None) -> tuple[Model, Tensor]:
    model = Model([])
    kind = {"f": TensorType.FLOAT32, "i": TensorType.INT8}[values.dtype.kind]
    return model, Tensor("t", values.shape, kind, model.add_buffer(values), quant)


def test_integers_are_compared_as_stored() -> None:
    a = constant(np.array([1, 2, 3, -4], np.int8), QuantParams.of(0.5))
    b = constant(np.array([1, 2, 5, -5], np.int8), QuantParams.of(0.5))
    (found,) = tensor_changes("weights", *a, *b)
    noise = pytest.approx(10 * np.log10(30 / 5), abs=0.05)
    assert found.measures == {"differ": 2, "of": 4, "largest": 2, "SQNR_dB": noise}
    assert str(found) == "weights values: 2 of 4 differ, by 2 at most (3 -> 5), SQNR 7.8 dB"
    assert tensor_changes("weights", *a, *a) == []


def test_float_against_integers_are_compared_as_real_numbers() -> None:
    a = constant(np.array([0.5, 1.2, 0.0], np.float32))
    b = constant(np.array([1, 2, 0], np.int8), QuantParams.of(0.5))
    changes = {change.what: change for change in tensor_changes("weights", *a, *b)}
    assert set(changes) == {"type", "quantization", "values"}
    assert changes["values"].measures["differ"] == 1
    assert changes["values"].measures["largest"] == pytest.approx(0.2)


def test_nan_equals_nan_and_a_constant_is_no_computed_tensor() -> None:
    a, b = (constant(np.array([np.nan, 1], np.float32)) for _ in range(2))
    assert tensor_changes("x", *a, *b) == []
    model, tensor = b
    computed = replace(tensor, buffer=0)
    assert [str(c) for c in tensor_changes("x", *a, model, computed)] == ["x values: constant -> computed"]


def test_a_damaged_constant_is_a_change_and_no_error() -> None:
    a, (model, tensor) = constant(np.zeros(4, np.int8)), constant(np.zeros(4, np.int8))
    model.buffers[tensor.buffer] = np.zeros(3, np.uint8)
    (found,) = tensor_changes("x", *a, model, tensor)
    assert found.what == "values"
    assert "needs 4 bytes" in found.b


def test_numbers_that_cannot_be_subtracted() -> None:
    a, b = constant(np.array([np.nan, np.inf], np.float32)), constant(np.array([1, -np.inf], np.float32))
    (found,) = tensor_changes("x", *a, *b)
    assert (found.measures["differ"], found.measures["largest"]) == (2, np.inf)
    tiny, huge = constant(np.array([1e-38], np.float32)), constant(np.array([3e38], np.float32))
    (found,) = tensor_changes("x", *tiny, *huge)
    assert found.measures["differ"] == 1
