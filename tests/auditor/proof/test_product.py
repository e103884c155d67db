"""What positions see of a window; that the whole is right is tested in test_witness.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore.auditor.proof.product import product
from qcore.errors import UnsupportedError
from qcore.op import Node
from tests.auditor.proof.cases import dense
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, Conv2DOptions, Padding, TransposeConvOptions


def conv(size: int, kernel: int, padding: Padding = Padding.SAME) -> OneOp:
    w = np.arange(1, kernel * kernel + 1, dtype=np.int8).reshape(1, kernel, kernel, 1)
    return OneOp(
        BuiltinOperator.CONV_2D,
        [
            Operand(np.zeros((1, size, size, 1), np.int8), 0.5, 1),
            Operand(w, 0.5, constant=True),
            Operand(np.zeros(1, np.int32), 0.25, constant=True),
        ],
        [Result(np.int8, 0.5, 0)],
        Conv2DOptions(padding=padding, stride_h=1, stride_w=1),
        3,
    )


def test_kinds_of_positions() -> None:
    model = conv(5, 3).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    assert (p.seen.shape, p.terms) == ((9, 9), 9)
    assert sorted(p.seen.sum(axis=1).tolist()) == [4, 4, 4, 4, 6, 6, 6, 6, 9]
    corner = p.positions.index((0, 0, 0))
    assert p.seen[corner].reshape(3, 3).tolist() == [[False] * 3, [False, True, True], [False, True, True]]
    assert p.at(corner, 0) == (0, 0, 0, 0)
    model = conv(5, 3, Padding.VALID).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    assert p.seen.all()
    assert len(p.positions) == 1


def test_a_window_that_never_sees_all_its_taps() -> None:
    """A 3 x 3 window on one pixel: only its middle, whatever the other weights are."""
    model = conv(1, 3).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    assert p.seen.tolist() == [[i == 4 for i in range(9)]]
    assert p.terms == 1


def test_a_stride_of_a_transposed_convolution_divides_the_taps() -> None:
    """Stride 2 and two taps: every result sees one of them; the taps stand in the order in which pixels come."""
    operands = [
        Operand(np.array([1, 1, 4, 1], np.int32), constant=True),
        Operand(np.array([1, 2], np.int8).reshape(1, 1, 2, 1), 0.5, constant=True),
        Operand(np.zeros((1, 1, 2, 1), np.int8), 0.5),
    ]
    options = TransposeConvOptions(padding=Padding.VALID, stride_h=1, stride_w=2)
    model = OneOp(BuiltinOperator.TRANSPOSE_CONV, operands, [Result(np.int8, 0.5)], options, 3).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    assert p.weights.tolist() == [[[2], [1]]]
    assert sorted(p.seen.tolist()) == [[False, True], [True, False]]


def test_what_is_known_at_run_time_only() -> None:
    case = dense([[1, 2]])
    case = replace(case, operands=[case.operands[0], replace(case.operands[1], constant=False)])  # type: ignore[type-var]
    model = case.model()
    with pytest.raises(UnsupportedError, match="the weights are known at run time only"):
        product(model, Node.of(model, 0, 0))
    model = conv(5, 3).model()
    model.main.tensors[0].shape_signature = (-1, 5, -1, 1)
    with pytest.raises(UnsupportedError, match="the height or width of the image"):
        product(model, Node.of(model, 0, 0))
    model.main.tensors[0].shape_signature = (-1, 5, 5, 1)
    assert product(model, Node.of(model, 0, 0)) is not None


def test_floats_are_no_integer_product() -> None:
    x = Operand(np.zeros((1, 2), np.float32))
    case = OneOp(
        BuiltinOperator.FULLY_CONNECTED, [x, Operand(np.ones((1, 2), np.float32), constant=True)], [Result(np.float32)]
    )
    model = case.model()
    assert product(model, Node.of(model, 0, 0)) is None
