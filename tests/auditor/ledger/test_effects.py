from __future__ import annotations

import math

import numpy as np
import pytest

from qcore import Interpreter
from qcore.auditor.ledger import account
from qcore.auditor.ledger.alignment import align
from qcore.auditor.ledger.effects import OutputNoise, finish
from qcore.auditor.ledger.stepper import Stepper
from qcore.auditor.metrics import sqnr
from tests.auditor.ledger.models import network, pair, samples
from tests.auditor.ledger.planted import W, X, dense, float_dense


def test_noise_is_summed_over_samples_and_averaged_over_outputs() -> None:
    noise = OutputNoise()
    noise.add([np.array([3.0]), np.array([10.0])], [np.array([0.1]), np.array([0.0])])
    noise.add([np.array([4.0]), np.array([0.0])], [np.array([0.2]), np.array([1.0])])
    assert noise.sqnr == pytest.approx(-10 * math.log10((0.05 / 25 + 1 / 100) / 2))


def test_a_gain_has_the_error_of_the_jackknife() -> None:
    rng = np.random.default_rng(0)
    before, after = OutputNoise(), OutputNoise()
    signals, noises = rng.uniform(1, 2, (12, 1)), rng.uniform(0.1, 0.2, (2, 12, 1))
    for x, a, b in zip(signals, *noises, strict=True):
        before.add([x], [a])
        after.add([x], [b])

    def decibels(kept: list[int]) -> float:
        return float(10 * np.log10((noises[0][kept] ** 2).sum() / (noises[1][kept] ** 2).sum()))

    gain = after.gain(before)
    assert gain.decibels == pytest.approx(decibels(list(range(12))))
    left_out = np.array([decibels([i for i in range(12) if i != j]) for j in range(12)])
    assert gain.error == pytest.approx(np.sqrt(11 / 12 * ((left_out - left_out.mean()) ** 2).sum()))


def test_one_sample_tells_nothing_of_chance() -> None:
    before, after = OutputNoise(), OutputNoise()
    before.add([np.array([1.0])], [np.array([0.1])])
    after.add([np.array([1.0])], [np.array([0.01])])
    gain = after.gain(before)
    assert (round(gain.decibels, 9), gain.error) == (20.0, math.inf)
    exact = OutputNoise()
    for _ in range(3):
        exact.add([np.array([1.0])], [np.array([0.0])])
    assert (exact.gain(exact).decibels, exact.gain(exact).error) == (0.0, 0.0)


def test_the_float_model_finishes_a_run() -> None:
    model, x = network(), samples(1)[0]
    exact = Stepper(model)
    state = exact.prepare([x.shape])
    state[0] = x
    (y,) = Interpreter(model).run(x)
    np.testing.assert_array_equal(finish(exact, state)[0], y)
    state[model.main.operators[4].outputs[0]] = np.zeros((1, 16), np.float32)
    bias = model.constant(model.main.tensors[model.main.operators[5].inputs[2]])
    assert bias is not None
    np.testing.assert_allclose(finish(exact, state)[0][0], np.exp(bias) / np.exp(bias).sum(), rtol=1e-6)


def test_an_error_that_is_the_only_one_is_all_there_is_to_regain() -> None:
    w = W.copy()
    w[1, 2] += 1
    ledger = account(dense(w), float_dense(), [X])
    effect = ledger.entry(0).effect
    assert effect is not None
    assert effect.sqnr == ledger.sqnr
    assert effect.regained.decibels == math.inf
    first = ledger.entries[0].effect
    assert first is not None
    assert (first.sqnr, first.regained.decibels) == (math.inf, 0.0)


def test_the_last_state_is_the_quantized_run() -> None:
    quantized, model = pair("int8")
    ledger = account(quantized, model, samples(), probes=4)
    assert ledger.probes == 4
    exact = np.concatenate([Interpreter(model).run(x)[0] for x in samples()[:4]])
    ours = np.concatenate([Interpreter(quantized).run(x)[0] for x in samples()[:4]])
    assert ledger.sqnr == pytest.approx(sqnr(exact, ours))
    assert align(quantized, model).twins[7] == 6


def test_an_operator_that_adds_nothing_has_no_effect() -> None:
    ledger = account(*pair("int8"), samples())
    reshape, dequantize = (next(e for e in ledger.entries if e.name == n) for n in ("RESHAPE", "DEQUANTIZE"))
    for entry in (reshape, dequantize):
        assert entry.effect is not None
        assert entry.effect.sqnr == math.inf


def test_nothing_is_followed_where_no_probes_are_asked_for() -> None:
    ledger = account(*pair("int8"), samples(), probes=0)
    assert ledger.regained == ()
    assert math.isnan(ledger.sqnr)
    assert all(entry.effect is None for entry in ledger.entries)
