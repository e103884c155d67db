"""Where the products of one element stand; that they are the kernel's own is tested in test_explainer.py."""

from __future__ import annotations

import numpy as np

from qcore.auditor.taps import taps
from qcore.op import Node
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, Conv2DOptions, Padding


def test_a_window_at_the_border_by_hand() -> None:
    x = np.arange(9, dtype=np.int8).reshape(1, 3, 3, 1)
    w = np.arange(1, 5, dtype=np.int8).reshape(1, 2, 2, 1)
    options = Conv2DOptions(padding=Padding.SAME, stride_h=1, stride_w=1)
    case = OneOp(
        BuiltinOperator.CONV_2D,
        [Operand(x, 0.5, 1), Operand(w, 0.5, constant=True), None],
        [Result(np.int8, 0.5, 0, (1, 3, 3, 1))],
        options,
    )
    found = taps(Node.of(case.model(), 0, 0), x, w, (0, 1, 2, 0))
    assert found is not None
    assert [(tap.x_at, tap.w_at, tap.product) for tap in found.products] == [
        ((0, 2, 2, 0), (0, 1, 0, 0), (8 - 1) * 3),
        ((0, 1, 2, 0), (0, 0, 0, 0), (5 - 1) * 1),
    ]
    assert (found.total, found.padded) == (25, 2)
