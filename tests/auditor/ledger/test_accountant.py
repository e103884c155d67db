from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qcore
from qcore import CalibrationError, QuantizationError, UnsupportedError
from qcore.auditor.ledger import Ledger, account
from qcore.auditor.metrics import compare_layers
from qcore.tflite import to_bytes
from tests import oracle
from tests.auditor.ledger.mlperf import MODELS, frames
from tests.auditor.ledger.models import network, pair, samples
from tests.converted import ZOO, Mode
from tests.graphs import chain_of_adds, values
from tflite_schema import TensorType

for _path in sorted((Path(__file__).parents[2] / "converted").glob("zoo_*.py")):
    importlib.import_module(f"tests.converted.{_path.stem}")


def adds_up(ledger: Ledger) -> None:
    """Parts, cross terms and remainder of every line are its total."""
    for entry in ledger.entries:
        assert entry.parts + entry.cross == pytest.approx(entry.own)
        assert abs(entry.cross) <= 2 * entry.parts
        assert entry.remainder <= 1e-9 * (1 + np.sqrt(entry.signal))


@pytest.mark.parametrize("recipe", ["int8", "int16x8", "dynamic_range", "float16"])
def test_every_line_adds_up_in_every_scheme(recipe: str) -> None:
    quantized, model = pair(recipe)
    ledger = account(quantized, model, samples())
    adds_up(ledger)
    assert ledger.samples == 6
    assert not ledger.unmatched
    names = [e.name for e in ledger.entries if e.name not in ("INPUT", "QUANTIZE", "DEQUANTIZE")]
    assert names == [op.name for op in model.main.operators]


def test_accumulated_errors_are_those_of_the_layers() -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples())
    for row in compare_layers(model, quantized, [[x] for x in samples()]):
        assert ledger.entry(row.operator).sqnr == pytest.approx(row.sqnr, abs=1e-3)


def test_integer_inputs_have_a_line() -> None:
    quantized, model = pair("int8", inference_input_type="int8", inference_output_type="int8")
    with_border = account(*pair("int8"), samples())
    ledger = account(quantized, model, samples())
    first = ledger.entries[0]
    assert (first.operator, first.name, first.inherited) == (None, "INPUT", 0.0)
    assert first.own == pytest.approx(with_border.entry(0).own)
    for entry in ledger.entries[1:]:
        assert entry.operator is not None
        other = with_border.entry(entry.operator + 1)
        assert entry.own == pytest.approx(other.own)
        assert entry.accumulated == pytest.approx(other.accumulated)


def test_the_model_itself_has_no_noise() -> None:
    ledger = account(network(), network(), samples(2))
    assert [entry.accumulated for entry in ledger.entries] == [0.0] * 7


def test_operators_without_a_counterpart_are_named() -> None:
    other = chain_of_adds()
    other.main.operators[1].inputs = (2, 2)
    ledger = account(other, chain_of_adds(), [values([1, 2, 3])])
    assert ledger.unmatched == ((1, "ADD"),)
    assert [entry.operator for entry in ledger.entries] == [0]


def test_models_may_be_files_and_samples_a_generator() -> None:
    quantized, model = pair("int8")
    seen: list[tuple[int, int | None]] = []
    ledger = account(
        to_bytes(quantized), to_bytes(model), (x for x in samples()), progress=lambda n, of: seen.append((n, of))
    )
    assert seen == [(i, None) for i in range(1, 7)]
    assert ledger == account(quantized, model, samples())


def test_text_has_no_noise() -> None:
    model = network()
    model.main.tensors[model.main.operators[0].outputs[0]].type = TensorType.STRING
    with pytest.raises(UnsupportedError, match=r"operator 0 CONV_2D: its result is string"):
        account(model, network(), samples(1))


def test_what_does_not_fit_is_refused() -> None:
    quantized, model = pair("int8")
    with pytest.raises(CalibrationError, match="empty"):
        account(quantized, model, [])
    with pytest.raises(QuantizationError, match="made from"):
        account(quantized, chain_of_adds(), [values([1, 2, 3])])


def refusal(quantized: bytes, model: bytes, inputs: list[Any]) -> str:
    """Why there is no ledger of two models; empty where there is one, and it adds up."""
    try:
        adds_up(account(quantized, model, inputs))
    except (UnsupportedError, QuantizationError) as error:
        return str(error)
    return ""


@pytest.mark.conformance
@pytest.mark.parametrize("name", sorted(name for name in ZOO if not name.startswith("signature_")))
def test_the_ledger_of_every_converted_model_adds_up(name: str) -> None:
    """Loops, branches and states are refused, and LSTMs that the converter fuses in one of the two models only."""
    sample = ZOO[name]
    modes: list[Mode] = [m for m in sample.modes if m in ("int8_float_io", "int8", "int16x8", "dynamic")]
    if not modes or "float32" not in sample.modes:
        pytest.skip("the model has no quantized form")
    rng = np.random.default_rng(0)
    inputs = [[given.draw(rng) for given in sample.inputs] for _ in range(3)]
    for mode in modes:
        why = refusal(sample.convert(mode), sample.convert("float32"), inputs)
        allowed = not why or any(text in why for text in ("has a state", "shapes depend on values", "is no noise"))
        assert allowed or ("no operator" in why and name.startswith("fused_")), why


@oracle.needs_shared
@pytest.mark.parametrize("name", MODELS)
def test_the_ledger_of_mlperf_tiny_adds_up(name: str) -> None:
    quantized, model = (qcore.load(oracle.MODELS / f"{file}.tflite") for file in MODELS[name])
    ledger = account(quantized, model, frames(name, 6))
    adds_up(ledger)
    assert not ledger.unmatched
    for entry in ledger.entries:
        assert entry.own_sqnr > 8


def test_a_state_is_the_reason_not_another_model() -> None:
    model = chain_of_adds()
    model.main.tensors[2].is_variable = True
    with pytest.raises(UnsupportedError, match="has a state"):
        account(model, model, [values([1, 2, 3])])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_are_numbers(value: float) -> None:
    quantized, model = pair("int8")
    inputs = samples(2)
    inputs[1] = inputs[1].copy()
    inputs[1].flat[0] = value
    with pytest.raises(CalibrationError, match="sample 1, input 0 has NaN or infinities"):
        account(quantized, model, inputs)
