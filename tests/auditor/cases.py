"""Models for the tests of the auditor."""

from __future__ import annotations

import numpy as np

from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, FullyConnectedOptions


def dense(accumulator: int) -> OneOp:
    """The layer of the public issue tensorflow#102943, fed so that its only sum is `accumulator`, a multiple of 5."""
    x = Operand(np.array([[accumulator // 5 - 128]], np.int8), 0.05296124517917633, -128)
    w = Operand(np.array([[5]], np.int8), 0.024093778803944588, constant=True)
    return OneOp(
        BuiltinOperator.FULLY_CONNECTED,
        [x, w, None],
        [Result(np.int8, 0.11484327912330627, -126)],
        FullyConnectedOptions(),
        version=4,
    )
