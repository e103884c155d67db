"""What `fix` mends, and that it leaves the rest as it is."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.lint import lint
from qcore.auditor.lint.repair import MENDERS, fix
from qcore.ir import Model
from qcore.rules import Bias
from tests import oracle
from tests.auditor.lint import test_bias, test_versions
from tests.auditor.lint.good import change, digits, found, operands, planted, quant_of
from tests.graphs import content

MENDED = {code: plants for code, plants in (test_bias.PLANTS | test_versions.PLANTS).items() if code in MENDERS}


@pytest.mark.parametrize("code", MENDERS)
def test_what_is_mended_is_found_no_more(code: str) -> None:
    for recipe, plant in MENDED[code]:
        faulty = planted(plant, digits(recipe), 1)
        before = content(faulty)
        mended, done = fix(faulty)
        assert [finding.code for finding in done] == [code]
        assert code not in {finding.code for finding in lint(mended)}
        assert content(faulty) == before


def _bias(model: Model) -> tuple[np.ndarray, np.ndarray]:
    _, bias = next(operands(model, Bias))
    assert bias.value is not None
    assert bias.quant is not None
    return bias.value.copy(), bias.quant.scale.copy()


def test_a_mended_bias_stands_for_the_numbers_that_the_file_stated() -> None:
    model = digits()
    _, bias = next(operands(model, Bias))
    values, scale = _bias(model)
    change(model, bias, scale=scale * np.float32(0.25), zero_point=np.full(scale.size, 7))
    mended, done = fix(model)
    assert [finding.code for finding in done] == ["QL202", "QL201"]
    after, new_scale = _bias(mended)
    np.testing.assert_array_equal(new_scale, scale)
    np.testing.assert_array_equal(after, np.trunc((values - 7.0) / 4 + np.copysign(0.5, values - 7.0)))
    assert len(content(mended)) <= len(content(model)) + 64


def test_a_bias_that_does_not_fit_stays() -> None:
    model = digits()
    _, bias = next(operands(model, Bias))
    _, scale = _bias(model)
    change(model, bias, scale=scale * np.float32(1e8))
    mended, done = fix(model)
    assert done == []
    assert [(f.code, f.fixable) for f in lint(mended)] == [("QL201", False)]


def test_a_bias_that_two_operators_share_is_mended_for_each() -> None:
    model = digits()
    (first, bias), (second, _) = list(operands(model, Bias))[:2]
    assert bias.quant is not None
    reader = model.main.operators[second.index]
    reader.inputs = (*reader.inputs[:2], bias.index)
    (finding,) = found(model, "QL201")
    assert (finding.place.operator, finding.place.tensor) == (second.index, bias.index)
    mended, _ = fix(model)
    kept, own = (mended.main.operators[n.index].inputs[2] for n in (first, second))
    assert (kept, own) == (bias.index, len(model.main.tensors))
    assert not found(mended, "QL201")
    np.testing.assert_array_equal(quant_of(mended, kept).scale, bias.quant.scale)


def test_tensorflow_runs_what_was_mended() -> None:
    """int32 biases among int16 activations: refused before, the integers of the good model after."""
    good = digits("int16x8")
    faulty = planted(test_bias.PLANTS["QL203"][0][1], good, 0)
    image = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    with pytest.raises(RuntimeError, match="quantized_bias_type"):
        oracle.outputs(content(faulty), [image])
    (expected,), (mended,) = (oracle.outputs(content(model), [image]) for model in (good, fix(faulty)[0]))
    np.testing.assert_array_equal(mended, expected)
