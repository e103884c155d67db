"""Damaged models through all of the auditor: findings, numbers, pages or a QCoreError, never anything else."""

from __future__ import annotations

import contextlib
import io
import json
import zlib

import numpy as np
import pytest

from qcore import QCoreError
from qcore.auditor.audit import Audit, audit
from qcore.auditor.differ import diff
from qcore.auditor.differ.side_by_side import side_by_side
from qcore.auditor.lint.repair import fix
from qcore.auditor.report.assembly import assemble
from qcore.auditor.report.markdown import render_markdown
from qcore.auditor.report.model_explorer import node_data
from qcore.auditor.report.page import render_page
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.auditor.ledger.models import pair, samples
from tests.mutation import as_file, ends, mutated, mutated_bytes

TARGETS = ("reference", "xnnpack", "tflite-micro")
RECIPES = ("int8", "int16x8", "dynamic_range", "float16", "weight_only_int8")
REAL = ("tflm_hello_world_int8", "coral_split_concat", "coral_keras_lstm_mnist_ptq", "tflm_micro_speech_quantized")


def damaged(name: str, model: Model, seed: int) -> Model | None:
    """The model with some fields, or (every fifth) bytes, overwritten; None where no file holds it, or none opens."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    if seed % 5 == 3:
        return opened(mutated_bytes(to_bytes(model), rng))
    return opened(as_file(mutated(model, rng)))


def opened(content: bytes | None) -> Model | None:
    try:
        return None if content is None else load(content)
    except QCoreError:
        return None


def written(model: Model, found: Audit) -> None:
    """The audit as JSON, pages and a table; a metric that was not measured is refused."""
    json.dumps(found.as_json()["counts"], allow_nan=False)
    report = assemble(model, "m", found.findings, found.proof, found.ledger)
    render_markdown(report).encode()
    render_page(report).encode()
    json.dumps(node_data(report, model, "findings"), allow_nan=False)
    if found.ledger is not None:
        found.ledger.layer_statistics_dump(io.StringIO())
        for entry in found.ledger.entries:
            if np.isfinite(entry.own):
                assert entry.parts + entry.cross == pytest.approx(entry.own)


def alone(name: str, good: Model, model: Model) -> None:
    with ends():
        written(model, audit(model, targets=TARGETS))
        assert diff(good, model).same == diff(model, good).same, name
        fix(model)


def measured(good: Model, exact: Model, seed: int, name: str) -> None:
    """The damage is in the float model at every fifth seed."""
    quantized: Model | None = good
    other: Model | None = exact
    if seed % 5 == 4:
        rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        mutated(good, rng)
        other = opened(as_file(mutated(exact, rng)))
    else:
        quantized = damaged(name, good, seed)
    if quantized is None or other is None:
        return
    with ends(), np.errstate(all="ignore"), contextlib.suppress(QCoreError):
        side_by_side(good, quantized, other)
        written(quantized, audit(quantized, float_model=other, samples=samples()[:3], worst=1))


FOUND = [
    ("int8", 87),  # a convolution with the options of SOFTMAX
    ("int8", 106),  # an activation of two scales
    ("int8", 133),  # two scales for five channels
    ("int8", 150),  # an input without parameters
    ("int8", 185),  # a pool from float to int8
    ("int8", 266),  # a QUANTIZE without an operand
    ("int8", 277),  # the wrong output
    ("int8", 2096),  # a fused SIGN_BIT
    ("int16x8", 107),  # weights without parameters
    ("int16x8", 310),  # weights without a scale
    ("dynamic_range", 29),  # float models whose results have another shape at run time
    ("weight_only_int8", 37),  # a tensor that is read before it is made
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("recipe", "seed"), [*FOUND, *((recipe, 5 * i) for i, recipe in enumerate(RECIPES))])
def test_damaged_pairs(recipe: str, seed: int) -> None:
    good, exact = pair(recipe)
    model = damaged(recipe, good, seed)
    if seed % 5 != 4 and model is not None:
        alone(recipe, good, model)
    measured(good, exact, seed, recipe)


@oracle.needs_shared
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("coral_keras_lstm_mnist_ptq", 6),  # two scales for twenty channels
        ("coral_keras_lstm_mnist_ptq", 77),  # four scales for ten biases
        ("tflm_micro_speech_quantized", 25),  # a RESHAPE from int32 to int8
        ("tflm_micro_speech_quantized", 94),  # filters of one dimension, asked of XNNPACK
    ],
)
def test_damaged_real_models(name: str, seed: int) -> None:
    good = load(oracle.MODELS / f"{name}.tflite")
    model = damaged(name, good, seed)
    assert model is not None
    alone(name, good, model)


@pytest.mark.conformance
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*RECIPES, *REAL])
def test_damaged_at_length(name: str) -> None:
    if name in REAL and not oracle.MODELS.is_dir():
        pytest.skip("../shared/models is absent")
    good, exact = (load(oracle.MODELS / f"{name}.tflite"), None) if name in REAL else pair(name)
    for seed in range(400):
        model = damaged(name, good, seed)
        if model is not None:
            alone(name, good, model)
        if exact is not None:
            measured(good, exact, seed, name)
