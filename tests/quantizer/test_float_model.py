from __future__ import annotations

import pytest

from qcore.errors import QuantizationError
from qcore.ir import Model, QuantParams, Subgraph, Tensor
from qcore.quantizer.float_model import require_float
from tests.quantizer.converter import FloatGraph
from tflite_schema import TensorType


def test_a_model_without_operators() -> None:
    for model in (Model([], [None]), Model([Subgraph("main", [], [], (), ())], [None])):
        with pytest.raises(QuantizationError, match="no operators; there is nothing to quantize"):
            require_float(model)


def test_tensors_that_nothing_uses_do_not_count() -> None:
    graph = FloatGraph()
    model = graph.model(graph.op("RELU", [graph.input((1, 4))], (1, 4)))
    integers = Tensor("left over", (1, 4), TensorType.INT8, 0, QuantParams.of(0.5))
    model.main.tensors.append(integers)
    require_float(model)
    model.main.outputs = (*model.main.outputs, len(model.main.tensors) - 1)
    with pytest.raises(QuantizationError, match="already quantized: subgraph 0, tensor 2 'left over' is INT8"):
        require_float(model)
