"""What runtimes refuse."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.finding import Severity
from qcore.auditor.lint import lint
from qcore.auditor.lint.target import _micro
from qcore.errors import UnsupportedError
from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, change, digits, found, operator, pick, planted, quant_of, result
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import BuiltinOperator, TensorType


def _no_such_type(model: Model, rng: Rng) -> None:
    name = pick(("CONV_2D", "FULLY_CONNECTED", "SOFTMAX"), rng)
    model.main.tensors[operator(model, name).inputs[0]].type = TensorType.FLOAT64


def _ratio(model: Model, rng: Rng) -> None:
    change(
        model,
        result(model, "ADD"),
        scale=quant_of(model, result(model, "ADD")).scale * np.float32(rng.uniform(2e3, 1e4)),
    )


def _no_micro_operator(model: Model, rng: Rng) -> None:
    softmax = operator(model, "SOFTMAX")
    softmax.code, softmax.options = pick((BuiltinOperator.GELU, BuiltinOperator.CUSTOM), rng), None
    softmax.custom_code = "Mine"


def _no_micro_type(model: Model, rng: Rng) -> None:
    reshape = operator(model, "SOFTMAX")
    for tensor in (*reshape.inputs, *reshape.outputs):
        model.main.tensors[tensor].type = TensorType.UINT8


def _no_micro_weights(model: Model, rng: Rng) -> None:
    model.main.tensors[operator(model, pick(("CONV_2D", "FULLY_CONNECTED"), rng)).inputs[1]].type = TensorType.UINT8


TARGETS = {"QL901": "reference", "QL902": "xnnpack", "QL903": "tflite-micro", "QL904": "tflite-micro"}
PLANTS: Plants = {
    "QL901": [("int8", _no_such_type)],
    "QL902": [("int8", _ratio)],
    "QL903": [("int8", _no_micro_operator)],
    "QL904": [
        ("int8", _no_micro_type),
        ("int8", _no_micro_weights),
        ("int16x8", _no_micro_weights),
    ],
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("code", PLANTS)
def test_a_planted_fault_is_found(code: str, seed: int) -> None:
    for recipe, plant in PLANTS[code]:
        good, target = digits(recipe), TARGETS[code]
        faulty = planted(plant, good, seed)
        assert len(found(faulty, code, target)) > len(found(good, code, target))
        assert not found(faulty, code)


def test_a_target_that_is_not_known() -> None:
    with pytest.raises(
        UnsupportedError, match="target 'toaster' is not known; choose of reference, xnnpack, tflite-micro"
    ):
        lint(digits(), ["toaster"])


def test_what_xnnpack_leaves_of_the_digits_model() -> None:
    (finding,) = found(digits(), "QL902", "xnnpack")
    assert (finding.place.operator_name, finding.severity) == ("SOFTMAX", Severity.WARNING)
    assert "XNNPACK has it not in int8" in finding.message


def test_what_nobody_measured_is_a_note() -> None:
    model = digits()
    operator(model, "SOFTMAX").code = BuiltinOperator.ELU
    notes = [f for f in found(model, "QL902", "xnnpack") if f.place.operator_name == "ELU"]
    assert all(f.severity == Severity.NOTE and "was not measured" in f.message for f in notes)


def test_tflite_micro_wants_integers_or_floats_throughout() -> None:
    for recipe in ("int8", "int16x8"):
        assert not [f for f in lint(digits(recipe), ["tflite-micro"]) if f.code in ("QL903", "QL904")]
    hybrid = found(digits("dynamic_range"), "QL904", "tflite-micro")
    assert {f.place.operator_name for f in hybrid} == {"CONV_2D", "FULLY_CONNECTED"}
    assert "beside float32 operand 1 may be float32" in hybrid[0].message
    halves = found(digits("float16"), "QL904", "tflite-micro")
    assert {f.place.operator_name for f in halves} == {"DEQUANTIZE"}


def test_tflite_micro_and_many_dimensions() -> None:
    for rank, expected in ((5, 0), (6, 1)):
        model = empty_model()
        graph = GraphBuilder(model, "main")
        x, shape = graph.tensor(np.int8, (1,)), graph.tensor(np.int32, value=[2] * rank)
        y = graph.tensor(np.int8, (2,) * rank)
        graph.op(BuiltinOperator.BROADCAST_TO, [x, shape], [y])
        graph.op(BuiltinOperator.BROADCAST_TO, [y, shape], [graph.tensor(np.int8, (2,) * rank)])
        graph.done([x], [y])
        assert len(found(model, "QL904", "tflite-micro")) == expected


def test_the_table_of_tflite_micro_is_well_formed() -> None:
    table = _micro()
    assert "90b983c2b3f1480642e040bbd2ddb37b998f3424" in table["source"]
    assert set(table["operators"]) <= set(BuiltinOperator.__members__)
    known = {type_.name.lower() for type_ in TensorType}
    for entry in table["operators"].values():
        if entry["types"] != "any":
            assert set(entry["types"]) <= known
        for by_type in entry.get("others", {}).values():
            assert set(by_type) == set(entry["types"])
            assert {t for types in by_type.values() for t in types} <= known
