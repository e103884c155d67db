"""Lint as a whole: nothing to say about good models, no exception whatever a model holds."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections import Counter

import numpy as np
import pytest

from qcore.auditor.lint import CHECKS, lint
from qcore.auditor.lint.repair import MENDERS, fix
from qcore.tflite import load
from tests.auditor import lint as folder
from tests.auditor.lint.good import RECIPES, SHARED, digits, planted, real
from tests.converted import Mode, Sample
from tests.converted.test_converted import combinations
from tests.mutation import mutated

EXPLAINED = {"aeq_conv_fc_mnist_srq_a8w8": {"QL801": 5}, "aeq_mnist_quantized": {"QL801": 3}}
"""What is found in files as their makers left them: see docs/findings/README.md."""
CONVERTED = {
    ("causal_decoder", "int8"): {"QL102"},
    ("causal_decoder", "int8_float_io"): {"QL102"},
    ("unrolled_gru", "int16x8"): {"QL201"},
}
MODULES = [importlib.import_module(f"tests.auditor.lint.{m.name}") for m in pkgutil.iter_modules(folder.__path__)]
PLANTED = [module for module in MODULES if hasattr(module, "PLANTS")]


def test_every_code_has_a_mutation() -> None:
    assert sorted(code for module in PLANTED for code in module.PLANTS) == sorted(CHECKS)


def test_every_finding_is_plain_values() -> None:
    for module in PLANTED:
        for plants in module.PLANTS.values():
            for recipe, plant in plants:
                for finding in lint(planted(plant, digits(recipe), 0), ["xnnpack"]):
                    json.dumps(finding.as_json())


@pytest.mark.parametrize("recipe", RECIPES)
def test_fresh_output_of_the_quantizer_is_clean(recipe: str) -> None:
    assert lint(digits(recipe)) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in SHARED.glob("*.tflite")) or ["none"])
def test_real_models_are_clean(name: str) -> None:
    assert Counter(finding.code for finding in lint(real(name))) == EXPLAINED.get(name, {})


@pytest.mark.parametrize(("sample", "mode"), [param.values for param in combinations()], ids=str)
@pytest.mark.conformance
def test_fresh_output_of_the_converter_is_clean(sample: Sample, mode: Mode) -> None:
    findings = lint(load(sample.convert(mode)))
    codes = {finding.code for finding in findings} - {"QL703"}  # an operator in float is there, and the reason said
    assert codes == CONVERTED.get((sample.name, mode), set())


@pytest.mark.parametrize("seed", range(60))
def test_damaged_models_are_looked_at_all_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    damaged = mutated(digits(RECIPES[seed % len(RECIPES)]), rng)
    findings = lint(damaged, ["reference", "xnnpack", "tflite-micro"])
    assert all(finding.code in MENDERS for finding in findings if finding.fixable)
    fix(damaged)
