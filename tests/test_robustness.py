"""Damaged models are refused with a QCoreError that says where, or they run: never anything else, never at length."""

from __future__ import annotations

import functools
import importlib
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.mutation import attempt, mutated, mutated_bytes
from tests.one_op import OneOp
from tests.test_conformance import cells

CELLS = [tuple(cell.values) for cell in cells()]
SHORT, LONG = 3, 400
REAL = ["tflm_hello_world_int8", "tflm_micro_speech_quantized", "coral_split_concat", "coral_keras_lstm_mnist_ptq"]


def drawn(name: str, variant: str, count: int) -> list[OneOp]:
    """Cases of an operator's table, the same at every run."""
    found: list[OneOp] = []

    @seed(0)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(importlib.import_module(f"tests.ops.{name}").CASES[variant])
    def collect(case: OneOp) -> None:
        found.append(case)

    collect()
    return found


def damage(name: str, model: Model, feeds: list[Any], times: int) -> None:
    """Run a model with `times` sets of changes, every fourth made to its bytes; a failure names its seed."""
    content = to_bytes(model)
    for number in range(times):
        rng = np.random.default_rng([zlib.crc32(name.encode()), number])
        try:
            attempt(mutated_bytes(content, rng) if number % 4 == 3 else mutated(model, rng), feeds, rng)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise AssertionError(f"{name}, seed {number}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("part", range(8))
def test_damaged_operators(part: int) -> None:
    """One case of every operator and type, a few changes each."""
    for name, variant in CELLS[part::8]:
        case = drawn(name, variant, 1)[0]
        damage(f"{name} {variant}", case.model(), case.feeds(), SHORT)


@functools.cache
def real(name: str) -> Model:
    return load(oracle.MODELS / f"{name}.tflite")


@oracle.needs_shared
@pytest.mark.parametrize("name", REAL)
def test_damaged_real_models(name: str) -> None:
    damage(name, real(name), [], SHORT)


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "variant"), CELLS)
def test_operators_damaged_at_length(name: str, variant: str) -> None:
    cases = drawn(name, variant, 8)
    for number, case in enumerate(cases):
        damage(f"{name} {variant} case {number}", case.model(), case.feeds(), LONG // len(cases))


@pytest.mark.conformance
@oracle.needs_shared
@pytest.mark.parametrize("name", REAL)
def test_real_models_damaged_at_length(name: str) -> None:
    damage(name, real(name), [], LONG)
