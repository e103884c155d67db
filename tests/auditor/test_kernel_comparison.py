from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.kernel_comparison import explain_all
from qcore.errors import UnsupportedError
from tests import oracle
from tests.auditor.cases import dense
from tests.graphs import chain_of_adds
from tests.one_op import OneOp, Operand, Result, check
from tflite_schema import BuiltinOperator


def test_the_public_issue_where_tflite_and_a_reader_part() -> None:
    """tensorflow#102943: accumulator 585; TFLite says -120, the reporter's double and single rounding -119."""
    case = dense(585)
    comparison = explain_all(case.model(), case.feeds(), 0)
    assert {name: e.value for name, e in comparison.explanations.items()} == {
        "reference": -119,
        "optimized": -119,
        "xnnpack": -120,
    }
    assert not comparison.agree
    assert "a tie" in comparison.cause
    assert "xnnpack rounds the float32 product, halves to even: 6.5, a tie, becomes 6" in comparison.cause


@pytest.mark.parametrize("kernels", ["reference", "optimized", "xnnpack"])
@pytest.mark.parametrize("accumulator", [0, 5, 585, 595, 635])
def test_tflite_itself_says_so(kernels: str, accumulator: int) -> None:
    oracle.tensorflow()
    assert check(dense(accumulator), kernels) == 1


def test_the_operator_keeps_its_number() -> None:
    comparison = explain_all(chain_of_adds(), [np.zeros((1, 3), np.float32)], 1, kernels=["reference", "optimized"])
    assert [e.operator for e in comparison.explanations.values()] == [1, 1]


def test_where_they_agree() -> None:
    case = dense(5)
    comparison = explain_all(case.model(), case.feeds(), 0)
    assert comparison.agree
    assert comparison.cause == "All kernel sets give the same number."


def test_a_set_that_cannot_be_explained_says_why() -> None:
    x = Operand(np.zeros((1, 2), np.int8), 1e-40)  # no normal number
    case = OneOp(BuiltinOperator.TANH, [x], [Result(np.int8, 1 / 128)], version=2)
    comparison = explain_all(case.model(), case.feeds(), 0, kernels=["reference", "xnnpack"])
    assert list(comparison.explanations) == ["reference"]
    assert "is not known" in comparison.refused["xnnpack"]
    with pytest.raises(UnsupportedError, match="is not known"):
        explain_all(case.model(), case.feeds(), 0, kernels=["xnnpack"])


def test_operands_of_one_name_stay_apart() -> None:
    """Names in a file need not be unique."""
    model, x = chain_of_adds(), np.array([[1, 2, 3]], np.float32)
    wanted = {name: e.value for name, e in explain_all(model, [x], 1, [0, 0]).explanations.items()}
    for tensor in model.main.tensors:
        tensor.name = "same"
    assert {name: e.value for name, e in explain_all(model, [x], 1, [0, 0]).explanations.items()} == wanted
