from __future__ import annotations

import numpy as np
import pytest

from qcore import ModelError
from qcore.ir import QuantParams, Tensor, numpy_dtype, tensor_type
from tests.graphs import chain_of_adds
from tflite_schema import TensorType


def test_types_map_both_ways() -> None:
    for dtype in (np.float32, np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_, np.float16, np.complex64):
        assert numpy_dtype(tensor_type(dtype)) == np.dtype(dtype)
    assert numpy_dtype(TensorType.INT4) == np.int8
    assert tensor_type(np.int8) == TensorType.INT8
    with pytest.raises(ModelError, match="RESOURCE"):
        numpy_dtype(TensorType.RESOURCE)
    with pytest.raises(ModelError, match="datetime"):
        tensor_type("datetime64[s]")


def test_quant_params() -> None:
    per_tensor = QuantParams.of(0.5, 3)
    per_channel = QuantParams.of([0.5, 0.25], 0, quantized_dimension=3)
    assert not per_tensor.is_per_channel
    assert per_channel.is_per_channel
    assert per_channel.zero_point.tolist() == [0, 0]
    assert per_tensor.same_as(QuantParams.of(0.5, 3, quantized_dimension=2)), "the axis means nothing per tensor"
    assert not per_tensor.same_as(QuantParams.of(0.5, 4))
    assert not per_channel.same_as(QuantParams.of([0.5, 0.25], 0, quantized_dimension=0))
    assert not per_tensor.same_as(None)


def test_a_copy_can_be_edited_freely() -> None:
    model = chain_of_adds()
    copy = model.copy()
    copy.main.tensors[0].name = "renamed"
    copy.main.operators[0].inputs = (0, 0)
    copy.main.operators.pop()
    copy.buffers.append(None)
    assert model.main.tensors[0].name == "x"
    assert model.main.operators[0].inputs == (0, 1)
    assert len(model.main.operators) == 2
    assert len(model.buffers) == 2


def test_producers_and_consumers() -> None:
    graph = chain_of_adds().main
    assert graph.producers() == {2: 0, 3: 1}
    assert graph.consumers() == {0: [(0, 0), (1, 1)], 1: [(0, 1)], 2: [(1, 0)]}


def test_constants_are_what_the_file_stores() -> None:
    model = chain_of_adds()
    x, one = model.main.tensors[:2]
    assert model.constant(x) is None
    np.testing.assert_array_equal(model.constant(one), np.ones(1, np.float32))
    index = model.add_buffer(np.array([1, 2], ">i4"))
    np.testing.assert_array_equal(
        model.constant(Tensor("big", (2,), TensorType.INT32, index)), np.array([1, 2], np.int32)
    )


def test_place_names_the_operator() -> None:
    assert chain_of_adds().place(0, 1) == "subgraph 0, operator 1 ADD"
    assert [(g, i, op.name) for g, i, op in chain_of_adds().walk()] == [(0, 0, "ADD"), (0, 1, "ADD")]
