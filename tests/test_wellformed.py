from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qcore import Interpreter, ModelError
from qcore.ir import Model, Operator, QuantParams
from tests.graphs import chain_of_adds
from tflite_schema import BlockwiseQuantization, BuiltinOperator


def operator(inputs: tuple[int, ...], outputs: tuple[int, ...], extra: tuple[int, ...] = ()) -> Callable[[Model], None]:
    def edit(model: Model) -> None:
        model.main.operators[1] = Operator(BuiltinOperator.ADD, inputs, outputs, intermediates=extra)

    return edit


def tensor(**fields: object) -> Callable[[Model], None]:
    def edit(model: Model) -> None:
        for name, value in fields.items():
            setattr(model.main.tensors[2], name, value)

    return edit


def quant(scales: int, zero_points: int, axis: int) -> Callable[[Model], None]:
    return tensor(quant=QuantParams(np.ones(scales, np.float32), np.zeros(zero_points, np.int64), axis))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda model: setattr(model.main, "inputs", (4,)), "subgraph 0, inputs: tensor 4 does not exist; .* has 4"),
        (lambda model: setattr(model.main, "outputs", (-1,)), "subgraph 0, outputs: tensor -1 does not exist"),
        (operator((2, 9), (3,)), "operator 1 ADD: tensor 9 does not exist"),
        (operator((2, -2), (3,)), "operator 1 ADD: tensor -2 does not exist"),
        (operator((2, 0), (-1,)), "operator 1 ADD: tensor -1 does not exist"),
        (operator((2, 0), (3,), (7,)), "operator 1 ADD: tensor 7 does not exist"),
        (operator((2, 0), (1,)), "operator 1 ADD: the result is tensor 1, whose value the file stores"),
        (tensor(buffer=5), "tensor 2 'middle': buffer 5 does not exist; the model has 2"),
        (tensor(buffer=-1), "tensor 2 'middle': buffer -1 does not exist"),
        (tensor(shape=(1, -3)), r"tensor 2 'middle': shape \(1, -3\) has a negative dimension"),
        (tensor(shape=(1 << 31,)), r"tensor 2 'middle': shape .* or one beyond 32 bits"),
        (quant(1, 0, 0), "tensor 2 'middle': 1 scales, but 0 zero points"),
        (quant(1, 2, 0), "tensor 2 'middle': 1 scales, but 2 zero points"),
        (quant(1, 1, 2), r"tensor 2 'middle': quantized_dimension 2 of a tensor of shape \(1, 3\)"),
        (quant(1, 1, -1), "quantized_dimension -1"),
        (quant(3, 3, 0), "tensor 2 'middle': 3 scales along dimension 0"),
    ],
)
def test_what_cannot_be(edit: Callable[[Model], None], message: str) -> None:
    model = chain_of_adds()
    edit(model)
    with pytest.raises(ModelError, match=message):
        Interpreter(model)


@pytest.mark.parametrize(
    "edit",
    [
        quant(3, 3, 1),
        quant(0, 3, 9),
        operator((2, -1), (3,)),
        tensor(
            quant=QuantParams(np.ones(1, np.float32), np.zeros(0, np.int64), 7, details=BlockwiseQuantization(scales=1))
        ),
    ],
)
def test_what_can_be(edit: Callable[[Model], None]) -> None:
    model = chain_of_adds()
    edit(model)
    Interpreter(model)
