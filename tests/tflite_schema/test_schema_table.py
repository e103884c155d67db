"""Tables as values: what may be set, equality, copies."""

from __future__ import annotations

import copy
import math
import pickle
import struct
from typing import Any

import numpy as np
import pytest

from tflite_schema import (
    AddOptions,
    Buffer,
    BuiltinOperator,
    BuiltinOptions,
    Conv2DOptions,
    FormatError,
    Model,
    Operator,
    OperatorCode,
    Padding,
    QuantizationParameters,
    ReshapeOptions,
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


def test_the_tag_of_a_union_follows_from_the_table_it_holds() -> None:
    row = Operator()
    tags = [row.builtin_options_type]
    for options in (ReshapeOptions(new_shape=[1, -1]), AddOptions(), None):
        row.builtin_options = options
        tags.append(row.builtin_options_type)
    expected = [BuiltinOptions.NONE, BuiltinOptions.ReshapeOptions, BuiltinOptions.AddOptions, BuiltinOptions.NONE]
    assert tags == expected


def test_equality_is_deep_and_bit_by_bit() -> None:
    def model(value: float, scale: float = 0.5) -> Model:
        options = SoftmaxOptions(beta=value)
        quantization = QuantizationParameters(scale=[scale, 1.0])
        graph = SubGraph(tensors=[Tensor(quantization=quantization)], operators=[Operator(builtin_options=options)])
        return Model(operator_codes=[OperatorCode(builtin_code=BuiltinOperator.SOFTMAX)], subgraphs=[graph])

    other_nan = struct.unpack("<f", struct.pack("<I", 0x7FC00001))[0]
    assert model(1.0) == model(1.0)
    assert model(math.nan, math.nan) == model(math.nan, math.nan)
    assert model(math.nan) != model(other_nan)
    assert model(1.0, math.nan) != model(1.0, -math.nan)
    assert model(0.0) != model(-0.0)
    assert model(1.0) != model(2.0)
    assert Tensor(shape=[]) != Tensor()
    assert AddOptions() != ReshapeOptions()
    assert Conv2DOptions(stride_w=0) == Conv2DOptions()
    with pytest.raises(TypeError):
        hash(Tensor())


def test_replace_leaves_the_original_alone() -> None:
    tensor = Tensor(name="a", shape=[1], type=TensorType.INT8)
    changed = tensor.replace(name="b", shape=None)
    assert (tensor.name, changed.name, changed.shape, changed.type) == ("a", "b", None, TensorType.INT8)
    with pytest.raises(AttributeError, match="nonsense"):
        tensor.replace(nonsense=1)


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_tables_can_be_copied_and_pickled(clone: Any) -> None:
    tensor = Tensor(name="a", shape=[1], quantization=QuantizationParameters(scale=[0.5]))
    twin = clone(tensor)
    assert twin == tensor
    twin.name = "b"
    assert tensor.name == "a"


def test_repr_names_what_is_present() -> None:
    tensor = Tensor(name="a", shape=[1, 2], type=TensorType.INT8, buffer=3)
    assert repr(tensor) == "Tensor(name='a', shape=[1, 2], type=TensorType.INT8, buffer=3)"
    assert repr(Buffer(data=bytes(100))) == "Buffer(data=<uint8[100]>)"
