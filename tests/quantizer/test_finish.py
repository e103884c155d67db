from __future__ import annotations

import numpy as np

from qcore.quantizer.finish import share_equal_buffers
from tests.quantizer.converter import FloatGraph, check
from tflite_schema import AddOptions, Metadata, MulOptions


def test_equal_bytes_share_a_buffer_whatever_the_type() -> None:
    """Two constants with one range and the same integers, and the converter sharing them too."""
    graph = FloatGraph()
    x = graph.op("ADD", [graph.input((2, 3)), graph.constant([[1.0, 2.0, 3.0]])], (2, 3), options=AddOptions())
    x = graph.op("MUL", [x, graph.constant([1.0, 2.0, 3.0])], (2, 3), options=MulOptions())
    ours = check(graph.model(x))
    assert ours is not None
    buffers = [tensor.buffer for tensor in ours.main.tensors if ours.is_constant(tensor)]
    assert len(buffers) == 2
    assert len(set(buffers)) == 1


def test_outputs_keep_their_buffers() -> None:
    graph = FloatGraph()
    kept, other = graph.constant([1.0, 2.0]), graph.constant([1.0, 2.0])
    y = graph.op("ADD", [kept, other], (2,), options=AddOptions())
    model = graph.model(y, kept)
    share_equal_buffers(model)
    assert model.main.tensors[kept].buffer != model.main.tensors[other].buffer
    assert all(model.constant(model.main.tensors[tensor]) is not None for tensor in (kept, other))


def test_metadata_is_sorted_and_the_runtime_version_made_anew() -> None:
    graph = FloatGraph()
    model = graph.model(graph.op("ABS", [graph.input((2, 3))], (2, 3)))
    for name in ("zebra", "min_runtime_version", "apple"):
        model.metadata.append(Metadata(name=name, buffer=model.add_buffer(np.frombuffer(name.encode(), np.uint8))))
    ours = check(model)
    assert ours is not None
    assert [entry.name for entry in ours.metadata] == ["apple", "zebra", "min_runtime_version"]
