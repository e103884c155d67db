"""What tracing costs a run that nobody records: kernels as they are against the same kernels without trace calls.

Every function of the kernels and of their arithmetic is compiled a second time, from the same source with every
`trace(name, value)` replaced by `value` and every `trace.recording` by `False`. One interpreter runs either code in
turns: the same constants, the same memory, only the code objects of the functions are exchanged. The medians of CPU
time are compared; two series of the code as it is show how far equal code may seem to differ.
What stays in both is the one question per operator whether to record it.
"""

from __future__ import annotations

import ast
import gc
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from qcore import Interpreter
from qcore.numerics.trace import NO_TRACE, NoTrace

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = tuple(str(ROOT / "qcore" / name) for name in ("ops", "numerics"))
_RUNS = 3


class WithoutTrace(ast.NodeTransformer):
    """`trace(name, value)` becomes `value`, `trace.recording` becomes `False`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = _is_trace(node.func) and len(node.args) == 2 and not node.keywords
        return node.args[1] if called else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        recording = node.attr == "recording" and _is_trace(node.value)
        return ast.copy_location(ast.Constant(False), node) if recording else node


def _is_trace(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name in ("trace", "_trace")


class Exchange:
    """The functions of the loaded kernels and of their arithmetic, and the code of each with and without calls."""

    def __init__(self) -> None:
        functions = [f for f in gc.get_objects() if isinstance(f, FunctionType) and _concerns(f.__code__)]
        made: dict[tuple[str, int, str], CodeType] = {}
        for file in {f.__code__.co_filename for f in functions}:
            tree = WithoutTrace().visit(ast.parse(Path(file).read_text(encoding="utf-8")))
            for code in _codes(compile(ast.fix_missing_locations(tree), file, "exec")):
                made[_key(code)] = code
        self.pairs = [
            (f, f.__code__, made[_key(f.__code__)])
            for f in functions
            if _key(f.__code__) in made and f.__code__.co_freevars == made[_key(f.__code__)].co_freevars
        ]

    def trace(self, wanted: bool) -> None:
        """Put the code with trace calls in place, or the one without."""
        for function, plain, without in self.pairs:
            function.__code__ = plain if wanted else without


def _concerns(code: CodeType) -> bool:
    return code.co_filename.startswith(FOLDERS) and code.co_name != "<lambda>"  # several may stand in a line


def _key(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_name


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def count_calls(interpreter: Interpreter) -> int:
    """How often a run calls the trace that keeps nothing."""
    plain, calls = NoTrace.__call__, 0

    def counted(self: NoTrace, name: str, value: Any, /) -> Any:
        nonlocal calls
        calls += 1
        return value

    NoTrace.__call__ = counted  # type: ignore[method-assign]
    try:
        interpreter.invoke()
    finally:
        NoTrace.__call__ = plain  # type: ignore[method-assign]
    return calls


def time_tracing(interpreter: Interpreter, rounds: int) -> dict[str, Any]:
    """The medians' ratios, of runs that take turns in groups of three; inputs are set before.

    share: what the calls take of the time, by the time of a single one. noise: the ratio of two series of equal code.
    """
    interpreter.invoke()  # loads what is loaded late
    exchange = Exchange()
    calls, answers = {}, {}
    for wanted in (True, False):
        exchange.trace(wanted)
        calls[wanted] = count_calls(interpreter)
        answers[wanted] = [interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_tensor_details()]
    assert answers[True] == answers[False], "the outputs differ"
    assert calls[False] == 0, f"{calls[False]} trace calls are left"
    series: list[list[float]] = [[], [], []]
    try:
        for turn in range(rounds):
            for which in np.roll((0, 1, 2), turn):
                exchange.trace(bool(which != 1))
                interpreter.invoke()
                for _ in range(_RUNS):
                    start = time.thread_time()
                    interpreter.invoke()
                    series[which].append((time.thread_time() - start) * 1e3)
    finally:
        exchange.trace(True)
    first, without, again = (median(values) for values in series)
    traced = median(series[0] + series[2])
    return {
        "milliseconds": traced,
        "calls": calls[True],
        "share": calls[True] * _milliseconds_of_a_call() / traced,
        "ratio": traced / without,
        "noise": first / again,
    }


def _milliseconds_of_a_call() -> float:
    """What one call costs that keeps nothing."""
    value, number = np.zeros(1), 100_000
    return min(timeit.repeat(lambda: NO_TRACE("requantize", value), number=number, repeat=5)) / number * 1e3
