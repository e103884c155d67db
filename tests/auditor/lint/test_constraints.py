"""Fixed results and same-scale operators."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.finding import Severity
from qcore.ir import Model, QuantParams
from tests.auditor.lint.good import Plant, Plants, Rng, change, digits, finds, found, pick, quant_of, real, result
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import BuiltinOperator, SoftmaxOptions


def _fixed(factor: float, shift: int) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        index = result(model, "SOFTMAX")
        quant = quant_of(model, index)
        change(model, index, scale=quant.scale * np.float32(factor), zero_point=quant.zero_point + shift)

    return plant


def _same(factor: float, shift: int) -> Plant:
    def plant(model: Model, rng: Rng) -> None:
        index = result(model, pick(("RESHAPE", "MAX_POOL_2D"), rng))
        quant = quant_of(model, index)
        change(model, index, scale=quant.scale * np.float32(factor), zero_point=quant.zero_point + shift)

    return plant


PLANTS: Plants = {
    "QL401": [("int8", _fixed(*by)) for by in ((2.0, 0), (1.0, 1), (0.99, 0))] + [("int16x8", _fixed(0.5, 0))],
    "QL402": [("int8", _same(*by)) for by in ((2.0, 0), (1.0, 1), (1.001, 0))] + [("int16x8", _same(0.5, 0))],
}
test_a_planted_fault_is_found = finds(PLANTS)


def test_evidence() -> None:
    model = digits()
    _fixed(2.0, 5)(model, np.random.default_rng(0))
    (finding,) = found(model, "QL401")
    assert finding.severity == Severity.ERROR
    assert dict(finding.evidence) == {
        "scale": 2 / 256,
        "zero_point": -123,
        "fixed_scale": 1 / 256,
        "fixed_zero_point": -128,
    }
    assert "TFLite refuses" in finding.message


@pytest.mark.parametrize("name", ["coral_split_concat", "coral_deeplabv3_mnv2_dm05_pascal_quant"])
def test_unsigned_concatenation_rescales(name: str) -> None:
    model = real(name)
    concatenation = next(op for op in model.main.operators if op.name == "CONCATENATION")
    change(model, concatenation.inputs[0], scale=quant_of(model, concatenation.inputs[0]).scale * np.float32(0.5))
    places = [finding.place.operator_name for finding in found(model, "QL402")]
    unsigned = model.main.tensors[concatenation.inputs[0]].type.name == "UINT8"
    assert ("CONCATENATION" not in places) == unsigned


def test_what_the_kernel_takes_is_a_warning() -> None:
    """TANH of 8 bits is a table that is made for the scale which the file states; that of LOGISTIC is not."""
    for code, severity in ((BuiltinOperator.TANH, Severity.WARNING), (BuiltinOperator.LOGISTIC, Severity.ERROR)):
        model = empty_model()
        graph = GraphBuilder(model, "main")
        x, y = (graph.tensor(np.int8, (4,), quant=QuantParams.of(0.01, 0)) for _ in range(2))
        graph.op(code, [x], [y])
        graph.done([x], [y])
        assert found(model, "QL401")[0].severity == severity


def test_softmax_of_int8_to_int16_is_unsigned() -> None:
    """It has parameters of its own, and is the one int16 result with a zero point."""
    model = empty_model()
    graph = GraphBuilder(model, "main")
    x = graph.tensor(np.int8, (1, 4), quant=QuantParams.of(0.1, 3))
    y = graph.tensor(np.int16, (1, 4), quant=QuantParams.of(1 / 65536, -32768))
    graph.op(BuiltinOperator.SOFTMAX, [x], [y], SoftmaxOptions(beta=1.0))
    graph.done([x], [y])
    assert not found(model, "QL104")
    assert not found(model, "QL401")
