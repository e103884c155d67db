"""Test material for the non-maximum suppressions: overlapping boxes on a grid, scores with many ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, NonMaxSuppressionV4Options, NonMaxSuppressionV5Options

Float32 = np.float32


def case(boxes: Any, scores: Any, most: Any, iou: Any, score: Any, sigma: Any = None, stored: bool = True) -> OneOp:
    """Version 5 where there is a sigma, else version 4."""
    operands = [
        Operand(np.asarray(boxes, Float32)),
        Operand(np.asarray(scores, Float32)),
        Operand(np.asarray(most, np.int32), constant=stored),
        Operand(np.asarray(iou, Float32), constant=True),
        Operand(np.asarray(score, Float32), constant=True),
    ]
    if sigma is None:
        results = [Result(np.int32), Result(np.int32)]
        return OneOp(BuiltinOperator.NON_MAX_SUPPRESSION_V4, operands, results, NonMaxSuppressionV4Options())
    operands.append(Operand(np.asarray(sigma, Float32), constant=stored))
    results = [Result(np.int32), Result(Float32), Result(np.int32)]
    # A score may be off by a last bit: it is a product of exponentials of the C library.
    options = NonMaxSuppressionV5Options()
    return OneOp(BuiltinOperator.NON_MAX_SUPPRESSION_V5, operands, results, options, tolerance=1e-6)


@st.composite
def boxes(draw: st.DrawFn, soft: bool) -> OneOp:
    """Boxes with corners on a grid or anywhere, in either order; scores of few or many values."""
    count = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    corners = rng.integers(0, 8, (count, 4)) if draw(st.booleans()) else rng.random((count, 4))
    scores = rng.integers(0, 4, count) / 4 if draw(st.booleans()) else rng.random(count)
    sigma = draw(st.sampled_from([0.0, 0.5, 0.1, 2.0])) if soft else None
    return case(
        corners,
        scores,
        draw(st.integers(1, count + 3)),
        draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0])),
        draw(st.sampled_from([-1.0, 0.0, 0.25, 0.6])),
        sigma,
        draw(st.booleans()),
    )


def run(model: OneOp) -> Any:
    """Our results, as lists."""
    return [y.tolist() for y in Interpreter(to_bytes(model.model())).run(model.feeds())]


def refuses_what_cannot_be(sigma: float | None = None) -> None:
    """Assert that operands that do not fit are refused."""
    square = np.zeros((2, 4))
    for model, message in (
        (case(np.zeros((2, 3)), [1, 1], 1, 0.5, 0, sigma), "expected .n, 4."),
        (case(square, [1, 1, 1], 1, 0.5, 0, sigma), "scores of shape"),
        (case(square, [1, 1], -1, 0.5, 0, sigma), "wanted is -1"),
        (case(square, [1, 1], -1, 0.5, 0, sigma, stored=False), "wanted is -1"),
        (case(square, [1, 1], 1, [0.5], 0, sigma), "expected a scalar"),
    ):
        with pytest.raises(QCoreError, match=message):
            run(model)
