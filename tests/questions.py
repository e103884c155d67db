"""The same question to tf.lite.Interpreter and to ours, `same_answer(model, question)`, and the parts of questions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from qcore import Interpreter, QCoreError
from tests import oracle

Question = Callable[[Any], Any]


def normal(answer: Any) -> Any:
    """An answer as something that can be compared: arrays with dtype and shape, NumPy scalars kept apart."""
    if isinstance(answer, np.ndarray):
        return ("array", str(answer.dtype), answer.shape, answer.tolist())
    if isinstance(answer, np.generic):
        return ("scalar", str(answer.dtype), answer.item())
    if isinstance(answer, dict):
        return {key: normal(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [normal(value) for value in answer]
    return answer


def ask(make: Callable[[], Any], question: Question) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return normal(question(make()))
    except (ValueError, RuntimeError, TypeError) as error:
        return error


def same_answer(model: bytes, question: Question) -> None:
    """Assert that both answer the same, or that what catches TFLite's error catches ours."""
    theirs = ask(lambda: oracle.interpreter(model), question)
    ours = ask(lambda: Interpreter(model), question)
    if isinstance(theirs, Exception):
        family = next(kind for kind in (ValueError, RuntimeError, TypeError) if isinstance(theirs, kind))
        assert isinstance(ours, family), f"TFLite raises {theirs!r}, we answer {ours!r}"
        assert isinstance(ours, (QCoreError, TypeError))
    else:
        assert ours == theirs


def allocated(*actions: Question) -> Question:
    """Allocate, act, and answer with the last action's answer."""
    return sequence(lambda i: i.allocate_tensors(), *actions)


def sequence(*actions: Question) -> Question:
    """Act, and answer with the last action's answer."""
    return lambda i: [action(i) for action in actions][-1]


def set_to(value: Any, index: int = 0) -> Question:
    return lambda i: i.set_tensor(index, value)


def resize(*arguments: Any) -> Question:
    return lambda i: i.resize_tensor_input(*arguments)


def get(index: int, *subgraph: int) -> Question:
    return lambda i: i.get_tensor(index, *subgraph)


def all_of(*actions: Question) -> Question:
    """Act, and answer with all answers."""
    return lambda i: [action(i) for action in actions]


def allocate(i: Any) -> Any:
    return i.allocate_tensors()


def invoke(i: Any) -> Any:
    return i.invoke()
