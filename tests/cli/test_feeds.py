"""The inputs of a run; reading and drawing are seen through `qcore run` in test_run.py."""

from __future__ import annotations

import numpy as np
import pytest
import typer

from qcore.cli.feeds import feeds
from qcore.interpreter import Interpreter
from tests.auditor.cases import dense


def test_a_seed_draws_the_same_again() -> None:
    interpreter = Interpreter(dense(5).model())
    (first,), (again,) = feeds(interpreter, None, 3), feeds(interpreter, None, 3)
    assert first.dtype == np.int8
    assert (first == again).all()


def test_files_or_a_seed() -> None:
    with pytest.raises(typer.Exit):
        feeds(Interpreter(dense(5).model()), None, None)
