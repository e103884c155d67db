"""What runtimes refuse."""

from __future__ import annotations

import pytest

from qcore.auditor.lint import lint
from qcore.errors import UnsupportedError
from qcore.ir import Model
from tests.auditor.lint.good import Plants, Rng, digits, found, pick, planted
from tflite_schema import TensorType


def _no_such_type(model: Model, rng: Rng) -> None:
    operator = pick((op for op in model.main.operators if op.name in ("CONV_2D", "FULLY_CONNECTED", "SOFTMAX")), rng)
    model.main.tensors[operator.inputs[0]].type = TensorType.FLOAT64


PLANTS: Plants = {"QL901": [("int8", _no_such_type)]}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("code", PLANTS)
def test_a_planted_fault_is_found(code: str, seed: int) -> None:
    for recipe, plant in PLANTS[code]:
        faulty = planted(plant, digits(recipe), seed)
        assert found(faulty, code, "reference")
        assert not found(faulty, code)


def test_a_target_that_is_not_known() -> None:
    with pytest.raises(UnsupportedError, match="target 'toaster' is not known; choose of reference"):
        lint(digits(), ["toaster"])
