"""Lint as a whole: nothing to say about good models, no exception whatever a model holds."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.lint import CHECKS, lint
from qcore.auditor.lint.repair import fix
from tests.auditor.lint import test_bias, test_parameters, test_target
from tests.auditor.lint.good import RECIPES, SHARED, digits, real
from tests.mutation import mutated

PLANTS = {**test_parameters.PLANTS, **test_bias.PLANTS, **test_target.PLANTS}


def test_every_code_has_a_mutation() -> None:
    assert set(PLANTS) == set(CHECKS)


@pytest.mark.parametrize("recipe", RECIPES)
def test_fresh_output_of_the_quantizer_is_clean(recipe: str) -> None:
    assert lint(digits(recipe)) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in SHARED.glob("*.tflite")) or ["none"])
def test_real_models_are_clean(name: str) -> None:
    assert lint(real(name)) == []


@pytest.mark.parametrize("seed", range(60))
def test_damaged_models_are_looked_at_all_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    damaged = mutated(digits(RECIPES[seed % len(RECIPES)]), rng)
    lint(damaged, ["reference"])
    fix(damaged)
