"""What may be set, and how it is held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflite_schema import (
    Buffer,
    BuiltinOptions,
    Conv2DOptions,
    FormatError,
    Operator,
    Padding,
    QuantizationParameters,
    SoftmaxOptions,
    SubGraph,
    Table,
    Tensor,
    TensorType,
)


@pytest.mark.parametrize(
    ("table", "field", "value", "error"),
    [
        (Conv2DOptions, "stride_w", 2**31, FormatError),
        (Conv2DOptions, "stride_w", 1.5, TypeError),
        (Conv2DOptions, "stride_w", "1", TypeError),
        (Conv2DOptions, "stride", 1, AttributeError),
        (Tensor, "buffer", -1, FormatError),
        (Tensor, "is_variable", 2, FormatError),
        (Tensor, "shape", [2**31], FormatError),
        (Tensor, "shape", [0.5], TypeError),
        (Tensor, "shape", [[1]], FormatError),
        (Tensor, "shape", "12", FormatError),
        (Tensor, "name", b"x", TypeError),
        (Tensor, "name", "\ud800", FormatError),
        (Tensor, "quantization", Tensor(), TypeError),
        (Buffer, "data", np.array([-1], np.int8), FormatError),
        (Buffer, "data", np.array([1.0], np.float32), TypeError),
        (SoftmaxOptions, "beta", 1e39, FormatError),
        (SoftmaxOptions, "beta", "1", TypeError),
        (SubGraph, "tensors", [Buffer()], TypeError),
        (Operator, "builtin_options", Tensor(), TypeError),
        (Operator, "builtin_options_type", BuiltinOptions.AddOptions, AttributeError),
    ],
)
def test_a_value_that_does_not_fit_is_refused(table: type[Table], field: str, value: Any, error: type) -> None:
    row = table()
    with pytest.raises(error, match=field):
        setattr(row, field, value)
    assert vars(row) == {}


def test_values_are_held_as_the_file_holds_them() -> None:
    assert SoftmaxOptions(beta=0.1).beta == np.float32(0.1)
    assert Conv2DOptions(padding=Padding(1)).padding is Padding.VALID
    row: Any = Tensor()
    row.type = np.int8(9)
    assert row.type is TensorType.INT8
    row.type = 99
    assert type(row.type) is int
    row.is_variable = np.bool_(True)
    assert row.is_variable is True
    buffer = Buffer(data=b"\x01\x02")
    assert buffer.data is not None
    assert buffer.data.tolist() == [1, 2]
    scale = QuantizationParameters(scale=[0.1]).scale
    assert scale is not None
    assert scale.dtype == np.float32
