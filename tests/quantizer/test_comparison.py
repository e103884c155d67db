"""The comparison sees a change of any field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qcore.ir import Model, QuantParams
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests.quantizer.comparison import differences
from tests.quantizer.converter import FloatGraph
from tflite_schema import ActivationFunctionType, AddOptions, SignatureDef, TensorMap, TensorType


def model() -> Model:
    graph = FloatGraph()
    x = graph.op("ADD", [graph.input((2, 3)), graph.random(2, 3)], (2, 3), options=AddOptions())
    made = quantize(graph.model(graph.op("LOGISTIC", [x], (2, 3))))
    made.signatures = [SignatureDef(signature_key="main", inputs=[TensorMap(name="x")], outputs=[])]
    return load(to_bytes(made))


def quant(m: Model) -> QuantParams:
    found = m.main.tensors[1].quant
    assert found is not None
    return found


def rename(m: Model) -> None:
    m.main.tensors[1].name += "1"


def retype(m: Model) -> None:
    m.main.tensors[1].type = TensorType.UINT8


def reshape(m: Model) -> None:
    m.main.tensors[1].shape = (3, 2)


def sign_shape(m: Model) -> None:
    m.main.tensors[0].shape_signature = (-1, 3)


def change_byte(m: Model) -> None:
    data = m.buffers[m.main.tensors[1].buffer]
    assert data is not None
    m.buffers[m.main.tensors[1].buffer] = data ^ np.uint8(1)


def change_scale(m: Model) -> None:
    m.main.tensors[1].quant = replace(quant(m), scale=np.nextafter(quant(m).scale, np.float32(9)))


def change_zero_point(m: Model) -> None:
    m.main.tensors[1].quant = replace(quant(m), zero_point=quant(m).zero_point + 1)


def change_dimension(m: Model) -> None:
    m.main.tensors[1].quant = replace(quant(m), quantized_dimension=1)


def add_minimum(m: Model) -> None:
    m.main.tensors[1].quant = replace(quant(m), min=np.zeros(1, np.float32))


def drop_parameters(m: Model) -> None:
    m.main.tensors[0].quant = None


def leave_out_shape(m: Model) -> None:
    m.main.tensors[0].extra["absent"] = frozenset({"shape"})


def make_variable(m: Model) -> None:
    m.main.tensors[0].is_variable = True


def bump_version(m: Model) -> None:
    m.main.operators[1].version += 1


def swap_operands(m: Model) -> None:
    m.main.operators[1].inputs = m.main.operators[1].inputs[::-1]


def change_options(m: Model) -> None:
    m.main.operators[1].options = AddOptions(fused_activation_function=ActivationFunctionType.RELU)


def drop_operator(m: Model) -> None:
    m.main.operators.pop()


def change_outputs(m: Model) -> None:
    m.main.outputs = m.main.inputs


def drop_signature(m: Model) -> None:
    m.signatures = []


def drop_metadata(m: Model) -> None:
    m.metadata = []


def add_buffer(m: Model) -> None:
    m.buffers.append(None)


CHANGES: list[Callable[[Model], None]] = [
    rename,
    retype,
    reshape,
    sign_shape,
    change_byte,
    change_scale,
    change_zero_point,
    change_dimension,
    add_minimum,
    drop_parameters,
    leave_out_shape,
    make_variable,
    bump_version,
    swap_operands,
    change_options,
    drop_operator,
    change_outputs,
    drop_signature,
    drop_metadata,
    add_buffer,
]


def test_equal_models_have_no_differences() -> None:
    assert differences(model(), model()) == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_is_seen(change: Callable[[Model], None]) -> None:
    changed = model()
    change(changed)
    assert differences(changed, model())
