"""Errors are planted one by one, in steps that are powers of two, so that every other cause must be 0 exactly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from qcore import Interpreter
from qcore.auditor.ledger import account
from qcore.auditor.ledger.alignment import align
from qcore.auditor.ledger.causes import CAUSES, Apart, Computed, Split, as_rows
from qcore.auditor.ledger.sample import Grid, Runners
from qcore.auditor.ledger.stepper import Stepper
from qcore.edit import extract
from qcore.ir import Model, QuantParams
from tests.auditor.ledger.models import pair, samples
from tests.auditor.ledger.planted import BIAS, SW, SX, SY, W, X, dense, float_dense
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import ActivationFunctionType, AddOptions, BuiltinOperator


def powers(quantized: Model, model: Model) -> Mapping[str, float]:
    entry = account(quantized, model, [X]).entry(0)
    assert entry.remainder == 0
    assert entry.inherited == 0
    return {cause: found.power for cause, found in entry.causes.items() if found.power}


def test_an_exact_operator_has_no_error() -> None:
    assert powers(dense(), float_dense()) == {}


def test_a_weight_one_step_off() -> None:
    w = W.copy()
    w[1, 2] += 1
    assert powers(dense(w, scale=2.0**-4), float_dense()) == {"weight_rounding": (3 * SW) ** 2}


def test_a_bias_off() -> None:
    assert powers(dense(bias=BIAS + np.array([0, 32, 0], np.int32)), float_dense()) == {
        "bias_rounding": (32 * SX * SW) ** 2
    }


def test_a_range_too_narrow() -> None:
    """Steps of 1/16 with zero point -120: the lowest number is -0.5."""
    exact = X.astype(np.float64) @ (W.T * SW) + BIAS * (SX * SW)
    quantized = dense(zero_point=-120)
    lowest = SY * (-128 + 120)
    beyond = np.minimum(exact - lowest, 0)
    kept = np.maximum(exact, lowest)
    assert (beyond < 0).sum() == 2
    entry = account(quantized, float_dense(), [X]).entry(0)
    assert entry.causes["range_clipping"].power == (beyond**2).sum()
    rounding = np.round(kept / SY) * SY - kept
    assert entry.causes["activation_rounding"].power == (rounding**2).sum()
    assert entry.seen is not None
    assert (entry.seen.clipped, entry.seen.at_low) == (2, 2)


def test_a_fused_activation_is_no_clipping() -> None:
    fused = ActivationFunctionType.RELU
    found = powers(dense(scale=SY, zero_point=-128, fused=fused), float_dense(fused))
    assert "range_clipping" not in found


def test_a_coarse_result() -> None:
    exact = X.astype(np.float64) @ (W.T * SW) + BIAS * (SX * SW)
    rounding = np.floor(np.abs(exact) / 0.25 + 0.5) * 0.25 * np.sign(exact) - exact
    assert powers(dense(scale=0.25), float_dense()) == {"activation_rounding": (rounding**2).sum()}


def test_what_the_multiplier_does_is_left_to_requantization() -> None:
    """A scale that makes the multiplier inexact, and a result that is off the nearest number by one step."""
    found: dict[str, float] = {}
    for q in range(1, 40):
        scale = 0.1 + q * 0.003
        entry = account(dense(scale=scale), float_dense(), [X]).entry(0)
        assert entry.remainder <= 1e-12
        assert set(entry.causes) <= set(CAUSES)
        found["requantization"] = max(found.get("requantization", 0), entry.causes["requantization"].largest / scale)
    assert found["requantization"] <= 1 + 1e-9


def splits(recipe: str) -> list[tuple[Apart, Split]]:
    quantized, model = pair(recipe)
    alignment = align(quantized, model)
    operators = [Apart(quantized, model, alignment, i) for i in sorted(alignment.twins)]
    exact = Stepper(model)
    runners = Runners(Stepper(quantized), exact, alignment, [op.index for op in operators if op.positions])
    run = runners.run(samples(1))
    computed = [(op, op.compute(run, exact, None)) for op in operators]
    return [(op, found.split(slice(0, None))) for op, found in computed]


def test_products_are_taken_apart_by_their_accumulators() -> None:
    """What the accumulator says equals a float run of the operator with the stored weights, and with stored bias."""
    quantized, model = pair("int8")
    found = {op.index: split for op, split in splits("int8") if op.positions}
    assert [quantized.main.operators[i].name for i in found] == ["CONV_2D", "CONV_2D", "FULLY_CONNECTED"]
    interpreter = Interpreter(quantized)
    interpreter.run(samples(1)[0])
    for index, split in found.items():
        operator = quantized.main.operators[index]
        twin = extract(model, [index - 1])
        w = quantized.main.tensors[operator.inputs[1]]
        assert w.quant is not None
        stored = quantized.constant(w)
        assert stored is not None
        weights = stored * w.quant.scale.reshape(-1, *[1] * (stored.ndim - 1))
        twin.main.tensors[twin.main.operators[0].inputs[1]].buffer = twin.add_buffer(weights.astype(np.float32))
        grid = Grid(quantized.main.tensors[operator.inputs[0]])
        x = grid.real(interpreter.get_tensor(operator.inputs[0])).astype(np.float32)
        (y,) = Interpreter(twin).run(x)
        step = Grid(quantized.main.tensors[operator.outputs[0]]).scale
        np.testing.assert_allclose(split.exact + split.differences["weight_rounding"], as_rows(y), atol=1e-4 * step)


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
def test_rounding_is_half_a_step_and_the_rest_adds_up(recipe: str) -> None:
    for op, split in splits(recipe):
        grid = op.grids[0]
        assert grid is not None
        assert np.abs(split.differences["activation_rounding"]).max() <= grid.scale * (0.5 + 1e-9)
        assert np.abs(split.alone["activation_rounding"]).max() <= grid.scale * (0.5 + 1e-9)
        total = sum(split.differences.values())
        np.testing.assert_allclose(total, split.actual - split.exact, atol=1e-12)


def test_tables_have_a_cause_of_their_own() -> None:
    last = {op.operator.name: list(split.differences)[-1] for op, split in splits("int16x8")}
    assert last["SOFTMAX"] == "lookup_table"
    assert last["ADD"] == "requantization"


def test_float_activations_with_integer_weights() -> None:
    """Weights alone: what a float run with the stored weights gives; the input's rounding is what is left."""
    quantized, model = pair("float16")
    entries = account(quantized, model, samples(2)).entries
    conv = next(e for e in entries if e.name == "CONV_2D")
    assert conv.causes["weight_rounding"].power > 0
    assert conv.causes["activation_rounding"].power == 0
    assert conv.own == conv.causes["weight_rounding"].power


def test_blocks_are_all_rows_of_a_result() -> None:
    seen: list[slice] = []

    def split(at: slice) -> Split:
        seen.append(at)
        return Split(np.zeros(1), np.zeros(1), {})

    blocks = list(Computed(np.zeros((1, 70, 50, 16), np.float32), split).blocks())
    assert [at for at, _ in blocks] == seen == [slice(0, 2048), slice(2048, 3500)]
    assert len(list(Computed(np.zeros((), np.float32), split).blocks())) == 1
    assert not list(Computed(np.zeros((0, 4), np.float32), split).blocks())


def test_a_scalar_constant_stays_a_scalar() -> None:
    """FILL refuses a value of shape (1,)."""

    def fill(scale: float | None) -> Model:
        model = empty_model()
        g = GraphBuilder(model, "main")
        x, y, z = g.tensor(np.float32, (1, 3)), g.tensor(np.float32, (1, 3)), g.tensor(np.float32, (1, 3))
        shape = g.tensor(np.int32, value=np.array([1, 3], np.int32))
        value = g.tensor(np.float32, value=np.array(0.3, np.float32))
        if scale is not None:
            stored = g.tensor(np.int8, value=np.array(1, np.int8), quant=QuantParams.of(scale))
            value = g.tensor(np.float32, ())
            g.op(BuiltinOperator.DEQUANTIZE, (stored,), (value,))
        g.op(BuiltinOperator.FILL, (shape, value), (y,))
        g.op(BuiltinOperator.ADD, (x, y), (z,), AddOptions())
        g.done((x,), (z,))
        return model

    entry = account(fill(0.25), fill(None), [np.zeros((1, 3), np.float32)]).entry(1)
    assert entry.causes["weight_rounding"].power == pytest.approx(3 * 0.05**2)
