from __future__ import annotations

import numpy as np
import pytest

from qcore.ir import QuantParams
from qcore.quantizer.fake_quant.formulas import FORMULAS, held_type, range_type, with_type
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import TensorType

INT4, INT8, UINT4, UINT8, INT32 = (TensorType[name] for name in ("INT4", "INT8", "UINT4", "UINT8", "INT32"))
W = np.array([[0.5, -1.0], [0.25, 0.125]], np.float32)


def test_weights_are_symmetric_where_signed_and_per_tensor_where_not() -> None:
    signed = FORMULAS[INT8].weight(W, 0)
    assert signed == QuantizedType((2 / 254, 0.5 / 254), (0, 0), 0, INT8, narrow_range=True)
    unsigned = FORMULAS[UINT8].weight(W, 0)
    assert unsigned == QuantizedType((1.5 / 254,), (170,), None, UINT8, narrow_range=True)
    assert FORMULAS[INT8].quantize(signed, W).tolist() == [[64, -127], [127, 64]]
    assert FORMULAS[UINT8].quantize(unsigned, W).tolist() == [[255, 1], [212, 191]]


def test_biases_keep_the_float64_product() -> None:
    operands = (QuantizedType((1 / 3,), (0,)), QuantizedType((1 / 7, 1 / 11), (0, 0), 0))
    bias = FORMULAS[INT8].bias(operands, 1)
    assert bias.scale == (1 / 3 * (1 / 7), 1 / 3 * (1 / 11))
    assert FORMULAS[INT8].quantize(bias, np.array([1.0, -1e30], np.float32)).tolist() == [21, -(2**31)]


def test_other_constants_use_all_integers() -> None:
    assert FORMULAS[UINT8].constant(W) == range_type(-1.0, 0.5, UINT8)


@pytest.mark.parametrize(("given", "target", "zero_point"), [(UINT8, INT8, -120), (INT8, UINT8, 136), (UINT4, INT4, 0)])
def test_the_same_numbers_in_another_type(given: TensorType, target: TensorType, zero_point: int) -> None:
    moved = with_type(QuantizedType((0.5,), (8,), None, given), target)
    assert (moved.zero_point, moved.type) == ((zero_point,), target)


@pytest.mark.parametrize("type_", [UINT8, UINT4])
def test_weights_show_the_scale_they_were_trained_with(type_: TensorType) -> None:
    exact = range_type(np.float32(-0.3), np.float32(0.3), type_, narrow_range=True)
    quant = QuantParams.of(exact.scale, exact.zero_point)
    steps = np.arange(-7, 8, dtype=np.float32)
    assert exact.scale[0] != float(quant.scale[0])
    assert held_type(quant, type_, steps * quant.scale).scale == exact.scale


def test_weights_that_batch_normalization_has_moved_do_not() -> None:
    """Their scale was the product of a scale and a factor, so looking for a width would find a wrong one."""
    exact = range_type(np.float32(-0.3), np.float32(0.3), UINT8, narrow_range=True)
    factor = np.float32(1.7)
    quant = QuantParams.of(exact.scale[0] * float(factor), exact.zero_point)
    weights = (np.arange(-127, 128, dtype=np.float32) * np.float32(exact.scale[0])) * factor
    assert held_type(quant, UINT8, weights).scale == (float(quant.scale[0]),)


def test_activations_hold_their_scale_rounded() -> None:
    lost = range_type(np.float32(0.0), np.float32(5.3), UINT8)
    held = held_type(QuantParams.of(lost.scale, lost.zero_point), UINT8, None)
    assert held.scale == (float(np.float32(lost.scale[0])),) != lost.scale
