from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

import qcore
from qcore import Interpreter, Recipe, Rule
from qcore.auditor.ledger import Ledger, account, float_island, int16_island
from qcore.auditor.ledger.alignment import align
from qcore.auditor.metrics import quantized_inputs, real_values, sqnr
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.auditor.ledger.mlperf import MODELS, frames
from tests.auditor.ledger.models import pair, samples

Array = NDArray[np.float32]
COUNTS = {"anomaly detection": 40}


def outputs(content: bytes, inputs: list[Array], tflite: bool = False) -> Array:
    """The real numbers a written model answers, in our interpreter or TFLite's reference kernels."""
    model = load(content)
    interpreter = Interpreter(content)
    answers = []
    for x in inputs:
        given = quantized_inputs(model, [x])
        y = (oracle.outputs(content, given) if tflite else interpreter.run(given))[0]
        answers.append(real_values(model.main.tensors[model.main.outputs[0]], y))
    return np.concatenate(answers)


def check(ledger: Ledger, quantized: Model, model: Model, inputs: list[Array], tflite: bool = False) -> None:
    """Write every island, run it, and compare what it regains with what the ledger says."""
    alignment = align(quantized, model)
    exact = outputs(to_bytes(model), inputs)
    before = sqnr(exact, outputs(to_bytes(quantized), inputs, tflite))
    assert before == pytest.approx(ledger.sqnr, abs=0.01)
    ranges = {e.tensor: e.seen.seen for e in ledger.entries if e.seen is not None}
    for row in ledger.regained:
        assert row.in_float is not None
        found = sqnr(exact, outputs(to_bytes(float_island(quantized, model, alignment, row.operator)), inputs, tflite))
        assert found - before == pytest.approx(row.in_float.decibels, abs=0.5 if tflite else 0.01)
        if row.in_int16 is not None:
            made = int16_island(quantized, model, alignment, row.operator, ranges)
            found = sqnr(exact, outputs(to_bytes(made), inputs, tflite))
            assert found - before == pytest.approx(row.in_int16.decibels, abs=0.01)


@pytest.mark.parametrize("recipe", ["int8", "float16"])
def test_the_worst_operators_give_back_what_the_ledger_says(recipe: str) -> None:
    quantized, model = pair(recipe)
    ledger = account(quantized, model, samples(), worst=7)
    assert len(ledger.regained) >= 3
    effects = [ledger.entry(row.operator).effect for row in ledger.regained]
    costs = [effect.sqnr for effect in effects if effect is not None]
    assert costs == sorted(costs)
    check(ledger, quantized, model, samples())


def test_why_an_island_cannot_be_had_is_said() -> None:
    ledger = account(*pair("float16"), samples(), worst=1)
    assert ledger.regained[0].in_int16 is None
    assert "its result is not in 8 bits" in ledger.regained[0].refused[0]


@pytest.mark.parametrize("operator", [2, 6])
def test_a_mixed_recipe_regains_the_same(operator: int) -> None:
    """The converter's way to leave an operator in float makes the same graph; but the first reads the float input."""
    quantized, model = pair("int8")
    name = model.main.tensors[model.main.operators[operator - 1].outputs[0]].name
    ranges = qcore.calibrate(model, samples())
    mixed = qcore.quantize(model, Recipe("mixed", "int8", rules=[Rule("float", regex=f"^{name};")]), ranges)
    exact = outputs(to_bytes(model), samples())
    before = sqnr(exact, outputs(to_bytes(quantized), samples()))
    row = next(r for r in account(quantized, model, samples(), worst=7).regained if r.operator == operator)
    assert row.in_float is not None
    gained = sqnr(exact, outputs(to_bytes(mixed), samples())) - before
    assert gained == pytest.approx(row.in_float.decibels, abs=0.01)


@functools.cache
def mlperf(name: str) -> tuple[Ledger, Model, Model, list[Array]]:
    quantized, model = (qcore.load(oracle.MODELS / f"{file}.tflite") for file in MODELS[name])
    inputs = frames(name, COUNTS.get(name, 12))
    return account(quantized, model, inputs), quantized, model, inputs


@oracle.needs_shared
@pytest.mark.parametrize("name", MODELS)
def test_the_worst_of_mlperf_tiny(name: str) -> None:
    """Written to a file and run, they regain what the ledger says."""
    check(*mlperf(name))


@pytest.mark.conformance
@oracle.needs_shared
@pytest.mark.parametrize("name", MODELS)
def test_the_worst_of_mlperf_tiny_in_tflite(name: str) -> None:
    check(*mlperf(name), tflite=True)


@oracle.needs_shared
def test_resnet_loses_most_in_its_pool() -> None:
    """Its result keeps the scale of its operand, as TFLite asks, and uses an eighth of its range."""
    ledger = mlperf("resnet")[0]
    worst = ledger.regained[0]
    assert worst.name == "AVERAGE_POOL_2D"
    entry = ledger.entry(worst.operator)
    assert max(entry.causes, key=lambda cause: entry.causes[cause].power) == "activation_rounding"
    assert entry.seen is not None
    assert entry.seen.used < 0.15
    assert worst.in_int16 is not None
    assert worst.in_int16.decibels > 5


@oracle.needs_shared
def test_anomaly_detection_loses_most_in_its_weights() -> None:
    """What leaving them in float regains is foretold within half a decibel."""
    ledger = mlperf("anomaly detection")[0]
    assert {row.operator for row in ledger.regained} == {1, 2, 3}
    for row in ledger.regained:
        entry = ledger.entry(row.operator)
        assert max(entry.causes, key=lambda cause: entry.causes[cause].power) == "weight_rounding"
        assert row.in_float is not None
        assert row.in_float.decibels > 0.5
        assert row.foretold.decibels == pytest.approx(row.in_float.decibels, abs=0.5)
