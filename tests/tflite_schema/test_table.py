"""Tables as values: defaults, equality, copies."""

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
    Model,
    Operator,
    OperatorCode,
    Padding,
    QuantizationParameters,
    ReshapeOptions,
    SoftmaxOptions,
    SubGraph,
    Tensor,
    TensorType,
)


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


def test_a_field_reads_as_its_default_until_it_is_set() -> None:
    options = Conv2DOptions(padding=Padding.VALID)
    assert (options.stride_w, options.dilation_w_factor, options.padding) == (0, 1, Padding.VALID)
    assert Operator().inputs is None
    assert Operator().debug_metadata_index == -1
    assert list(vars(options)) == ["padding"]
    del options.padding
    assert options.padding is Padding.SAME
    assert np.asarray(Operator(inputs=[1, 2]).inputs).dtype == np.int32
