"""What the benchmark of tracing compares with: the same functions without a trace call, and the same outputs."""

from __future__ import annotations

import ast

import numpy as np

from benchmarks.tracing import Exchange, WithoutTrace, count_calls
from qcore.interpreter import Interpreter
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, SoftmaxOptions


def test_calls_become_their_values_and_nobody_records() -> None:
    source = "y = ctx.trace('sum', a + b)\nz = step if trace.recording else self._trace('x', trace('y', c))"
    tree = WithoutTrace().visit(ast.parse(source))
    assert ast.unparse(tree) == "y = a + b\nz = step if False else c"


def test_code_without_calls_gives_the_same_bits_and_is_put_back() -> None:
    x = Operand(np.arange(-8, 8, dtype=np.int8).reshape(2, 8), 0.25, 0)
    case = OneOp(BuiltinOperator.SOFTMAX, [x], [Result(np.int8, 1 / 256, -128)], SoftmaxOptions(beta=1.0), 2)
    interpreter = Interpreter(case.model())
    expected = interpreter.run(case.feeds())[0]
    plain = count_calls(interpreter)
    assert plain > 0
    exchange = Exchange()
    try:
        exchange.trace(False)
        assert count_calls(interpreter) == 0
        assert interpreter.run(case.feeds())[0].tolist() == expected.tolist()
    finally:
        exchange.trace(True)
    assert count_calls(interpreter) == plain
