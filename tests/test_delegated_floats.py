from __future__ import annotations

import itertools

import numpy as np
import pytest

from qcore.delegated_floats import are_floats_close
from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from tests.one_op import OneOp, Operand, Result, check
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    BuiltinOperator,
    DivOptions,
    LeakyReluOptions,
    Padding,
    Pool2DOptions,
)

SPECIAL = [0.0, -0.0, 1e-40, -1e-40, 1e-45, 1.2e-38, -2e-38, 1e-20, -1.0, 0.5, -2.5, 7.0, 3e38, -3e38, np.inf, -np.inf]
PAIRS = np.array(list(itertools.product([*SPECIAL, np.nan], repeat=2)), np.float32)
UNARY = "ABS CEIL FLOOR LEAKY_RELU NEG RELU RELU6 RELU_N1_TO_1 ROUND SQUARE"
BINARY = "ADD DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE"


def elementwise(name: str, *operands: Operand) -> OneOp:
    options = {
        "LEAKY_RELU": LeakyReluOptions(alpha=0.3),
        "ADD": AddOptions(fused_activation_function=ActivationFunctionType.RELU),
        "DIV": DivOptions(),
    }
    return OneOp(BuiltinOperator[name], operands, [Result(np.float32)], options.get(name))


@pytest.mark.parametrize("name", [*UNARY.split(), *BINARY.split(), "PRELU"])
def test_denormal_numbers_infinities_and_nan(name: str) -> None:
    """XNNPACK takes denormal numbers for zeros, and leaves infinities infinite; all bits are those of TFLite."""
    operands = [Operand(PAIRS[:, 0])]
    if name in BINARY.split():
        operands.append(Operand(PAIRS[:, 1]))
    elif name == "PRELU":
        operands.append(Operand(np.array([0.3], np.float32), constant=True))
    case = elementwise(name, *operands)
    assert check(case, "xnnpack") == len(PAIRS)
    (node,) = Interpreter(case.model([(len(PAIRS),)]), kernels="xnnpack").executors()
    assert node.reason == "XNNPACK delegates"


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("MAXIMUM", [[np.nan, 1], [0]], "NaN in operands of two shapes"),
        ("EXP", [[np.nan]], "infinities and NaN in EXP"),
        ("LOGISTIC", [[np.inf, 1]], "infinities and NaN in LOGISTIC"),
    ],
)
def test_what_nobody_measured_is_refused(name: str, values: list[list[float]], match: str) -> None:
    operands = [Operand(np.array(value, np.float32)) for value in values]
    case = elementwise(name, *operands)
    with pytest.raises(UnsupportedError, match=match):
        Interpreter(case.model([operands[0].value.shape]), kernels="xnnpack").run(case.feeds())
    assert Interpreter(case.model(), kernels="optimized").run(case.feeds())


def test_which_floats_are_close_only() -> None:
    assert are_floats_close("CONV_2D", hybrid=False)
    assert not are_floats_close("CONV_2D", hybrid=True)
    assert are_floats_close("EXP", hybrid=False)
    assert not are_floats_close("ADD", hybrid=False)
    assert are_floats_close("UNIDIRECTIONAL_SEQUENCE_LSTM", hybrid=True)


def test_pools_of_infinities_and_nan() -> None:
    x = np.random.default_rng(0).normal(0, 1, (1, 6, 6, 5)).astype(np.float32)
    options = Pool2DOptions(padding=Padding.VALID, stride_w=1, stride_h=1, filter_width=2, filter_height=2)
    for special in (np.inf, -np.inf, 1e-40):
        x[0, 1:4, 2:5, ::2] = special
        case = OneOp(BuiltinOperator.MAX_POOL_2D, [Operand(x)], [Result(np.float32)], options, 1)
        assert check(case, "xnnpack") == 125
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(UnsupportedError, match="NaN in MAX_POOL_2D"):
        Interpreter(case.model([(1, 5, 5, 5)]), kernels="xnnpack").run([x])
    assert check(OneOp(BuiltinOperator.MAX_POOL_2D, [Operand(x)], [Result(np.float32)], options, 1), "optimized") == 125
