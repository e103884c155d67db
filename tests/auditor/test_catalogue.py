"""The rules that concern an operator, and only those, are tried."""

from __future__ import annotations

import numpy as np
import pytest

from qcore.auditor.catalogue import candidates
from qcore.auditor.explainer import ran_node
from qcore.interpreter import Interpreter
from tests.auditor.planted import CASES
from tests.one_op import OneOp, Operand, Result
from tests.ops.test_conv_2d import tiny
from tflite_schema import BuiltinOperator


def names(case: OneOp) -> list[str]:
    interpreter = Interpreter(case.model())
    recording = interpreter.record()
    interpreter.run(case.feeds())
    return [name for name, _ in candidates(ran_node(interpreter, 0), interpreter.params(0), recording.steps(0))]


def test_rules_that_change_nothing_are_left_out() -> None:
    found = names(tiny())
    assert "the bias is not added" in found
    assert not [name for name in found if "padding" in name or "channel" in name or "weights' zero" in name]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_names_are_unique(case: OneOp) -> None:
    found = names(case)
    assert len(set(found)) == len(found) > 5


def test_other_operators_have_no_catalogue() -> None:
    x = Operand(np.arange(4, dtype=np.int8), 0.5)
    assert names(OneOp(BuiltinOperator.RELU, [x], [Result(np.int8, 0.5)])) == []
