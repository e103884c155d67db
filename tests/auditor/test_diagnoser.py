"""Every rule of the catalogue is planted and found, and what is not in it is not explained."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qcore
from qcore.auditor import diagnoser
from qcore.auditor.catalogue import candidates, pairs
from qcore.auditor.diagnoser import Diagnosis, why
from qcore.auditor.explainer import ran_node
from qcore.errors import ShapeError
from qcore.interpreter import Interpreter
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.auditor.cases import dense
from tests.auditor.planted import CASES, SCALES
from tests.graphs import chain_of_adds
from tests.one_op import OneOp
from tests.ops.test_conv_2d import tiny


def run(case: OneOp) -> tuple[Any, dict[str, Callable[[], Any]]]:
    interpreter = Interpreter(case.model())
    recording = interpreter.record()
    y = interpreter.run(case.feeds())[0]
    return y, dict(candidates(ran_node(interpreter, 0), interpreter.params(0), recording.steps(0)))


def test_each_rule_matters_in_some_case() -> None:
    told_apart: dict[str, bool] = {}
    for case in CASES.values():
        ours, rules = run(case)
        for name, compute in rules.items():
            with np.errstate(all="ignore"):
                told_apart[name] = told_apart.get(name, False) or not np.array_equal(compute(), ours)
    assert [name for name, matters in told_apart.items() if not matters] == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_rule_is_found(case: OneOp) -> None:
    """And with it every rule that gives the same numbers, no other one."""
    ours, rules = run(case)
    with np.errstate(all="ignore"):
        results = {name: compute() for name, compute in rules.items()}
    diagnosed: dict[bytes, Diagnosis] = {}
    matters = 0
    for name, theirs in results.items():
        assert theirs.dtype == ours.dtype, name
        assert theirs.shape == ours.shape, name
        key = theirs.tobytes()
        d = diagnosed.get(key) or diagnosed.setdefault(key, why(case.model(), theirs, case.feeds()))
        if np.array_equal(theirs, ours):
            assert d.equal
            continue
        matters += 1
        same = {other for other, y in results.items() if np.array_equal(y, theirs)}
        assert name in same
        assert set(d.rules) - {f"the {k} kernels" for k in ("optimized", "xnnpack")} == same
        assert (d.operator, d.differing) == (0, int(np.count_nonzero(theirs != ours)))
    assert matters >= 6, "the data tells too few rules apart"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_two_mistakes_are_found_where_no_single_one_explains_them(case: OneOp) -> None:
    ours, single = run(case)
    interpreter = Interpreter(case.model())
    recording = interpreter.record()
    interpreter.run(case.feeds())
    both = dict(pairs(ran_node(interpreter, 0), interpreter.params(0), recording.steps(0)))
    with np.errstate(all="ignore"):
        explained = {compute().tobytes() for compute in single.values()}
        planted = {name: both[name]() for name in list(both)[:: max(len(both) // 8, 1)]}
    planted = {name: y for name, y in planted.items() if y.tobytes() not in explained and not np.array_equal(y, ours)}
    assert planted or not both, "no pair differs from its parts"
    for name, theirs in list(planted.items())[:4]:
        d = why(case.model(), theirs, case.feeds())
        assert name in d.rules
        assert all(", and " in rule for rule in d.rules)


def test_two_mistakes_made_by_another_program() -> None:
    """The padding is 0, and the product is rounded down: the loops of `plainly` have neither rule's code."""
    theirs = plainly(padding=0, rounding=math.floor)
    d = why(CASES["CONV_2D"].model(), theirs, CASES["CONV_2D"].feeds())
    assert (
        "the padding is 0, not the zero point, and rounding: float64 product, floor, multiplier in float64" in d.rules
    )


def test_a_large_tensor_bounds_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnoser, "_MOST_VALUES", 0)
    theirs = plainly(padding=0, rounding=math.floor)
    d = why(CASES["CONV_2D"].model(), theirs, CASES["CONV_2D"].feeds())
    assert d.rules == ()
    assert d.closest
    assert d.bounded


BY_HAND = {
    "the bias is not added": -2,  # 2 / 4 = 0.5 rounds to 1; - 3
    "the output's zero point is not added": 3,
    "rounding: float64 product, floor, multiplier in float64": -1,
    "the input's zero point is added in place of subtracted": 1,  # 3 + 4 + 5 - 6 = 6; + 8 = 14; 3.5 rounds to 4; - 3
}


@pytest.mark.parametrize("rule", BY_HAND)
def test_by_hand(rule: str) -> None:
    """acc = 2, bias 8, M = 1/4, zy = -3: ours is round(2.5) - 3 = 0."""
    theirs = np.full((1, 1, 1, 1), BY_HAND[rule], np.int8)
    assert rule in why(tiny().model(), theirs, tiny().feeds()).rules


def plainly(
    *, zx: int = -37, padding: int = -37, channel: int | None = None, before: int = 0, rounding: Any = None
) -> Any:
    """CASES["CONV_2D"] by loops over int64 and Python's fractions of float64: nothing of the catalogue's code."""
    x, w, bias = (np.asarray(o.value, np.int64) for o in CASES["CONV_2D"].operands if o is not None)
    scales = np.asarray(SCALES if channel is None else np.full(8, SCALES[channel]), np.float64)
    multiplier = float(np.float32(0.05)) * scales / float(np.float32(0.03))
    padded = np.pad(x, [(0, 0), (before, 1 - before), (before, 1 - before), (0, 0)], constant_values=padding) - zx
    y = np.zeros((2, 7, 7, 8), np.int8)
    for n, i, j, c in np.ndindex(*y.shape):
        total = int((padded[n, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * w[c]).sum() + bias[c])
        exact = total * multiplier[c]
        y[n, i, j, c] = min(max((rounding(exact) if rounding else math.floor(exact + 0.5)) - 90, -90), 110)
    return y


PLAIN = {
    "the input's zero point is not subtracted": {"zx": 0, "padding": 0},
    "the input's zero point is not subtracted, and the padding is the zero point": {"zx": 0},
    "the input's zero point is added in place of subtracted": {"zx": 37, "padding": 37},
    "the padding is 0, not the zero point": {"padding": 0},
    "the padding before and after is swapped": {"before": 1},
    "the first channel's scale for all channels": {"channel": 0},
    "the last channel's scale for all channels": {"channel": 7},
}


@pytest.mark.parametrize("rule", PLAIN)
def test_mistakes_made_by_another_program(rule: str) -> None:
    case = CASES["CONV_2D"]
    ours, _ = run(case)
    rounding = np.count_nonzero(plainly() != ours)  # it rounds once, halves up
    assert rounding <= 1
    d = why(case.model(), plainly(**PLAIN[rule]), case.feeds())
    both = [name for name in d.rules if name.startswith(f"{rule}, and rounding: ")]
    assert rule in d.rules or both or (d.closest == rule and d.remaining <= rounding + 1)
    assert d.differing > 50


@oracle.needs_shared
def test_the_optimized_kernels_of_tflite_in_a_real_network() -> None:
    """ResNet8: ruy rounds halves up in the second rounding, and TFLite's own numbers show it."""
    model = load(oracle.MODELS / "mlptiny_pretrainedResnet_quant.tflite")
    x = np.random.default_rng(0).integers(-128, 128, (1, 32, 32, 3)).astype(np.int8)
    theirs = oracle.interpreter(to_bytes(model), every_tensor=True, kernels="optimized")
    theirs.allocate_tensors()
    theirs.set_tensor(theirs.get_input_details()[0]["index"], x)
    theirs.invoke()
    made = [t for op in model.main.operators for t in op.outputs]
    dump = {model.main.tensors[t].name: theirs.get_tensor(t) for t in made}
    d = why(model, dump, x)
    assert d.name == "CONV_2D"
    assert d.differing < d.values // 100
    assert {"the optimized kernels", "rounding: ruy_x86, multiplier in float64"} <= set(d.rules)
    assert why(model, dump, x, kernels="optimized").equal


def test_another_kernel_set() -> None:
    """585 of tensorflow#102943: XNNPACK answers -120 where the reference kernel answers -119."""
    d = qcore.why(dense(585).model(), [np.array([[-120]])], dense(585).feeds())
    assert "the xnnpack kernels" in d.rules
    assert "the optimized kernels" not in d.rules
    assert "rounding: float32 product, halves to even, multiplier in float32" in d.rules


def test_nchw() -> None:
    case = CASES["CONV_2D"]
    ours, _ = run(case)
    d = why(case.model(), ours.transpose(0, 3, 1, 2).copy(), case.feeds())
    assert d.rules == ("the order is NCHW",)


def test_what_no_rule_explains_names_the_closest() -> None:
    case = CASES["CONV_2D"]
    _, rules = run(case)
    theirs = rules["the bias is not added"]()
    theirs[0, 0, 0, 0] ^= 64
    d = why(case.model(), theirs, case.feeds())
    assert (d.rules, d.closest, d.remaining) == ((), "the bias is not added", 1)


def test_the_first_tensor_in_operator_order() -> None:
    model, x = chain_of_adds(), np.array([[1, 2, 3]], np.float32)
    equal = why(model, {"y": x + 1 + x, "middle": x + 1, "one": np.ones(1, np.float32)}, x)
    assert equal.equal
    assert equal.compared == ("one", "middle", "y")
    d = why(model, {"y": x, "middle": x}, x)
    assert (d.tensor, d.operator, d.name, d.differing, d.rules, d.unseen) == ("middle", 0, "ADD", 3, (), ())
    late = why(model, [x], x)
    assert (late.tensor, late.operator, late.unseen) == ("y", 1, ("middle",))
    constant = why(model, {"x": x + 1, "y": x}, x)
    assert (constant.tensor, constant.operator) == ("x", None)


@pytest.mark.parametrize(
    ("theirs", "match"),
    [
        ({"nothing": np.zeros(3, np.float32)}, "no tensor"),
        ({"1": np.zeros(3, np.float32)}, "no tensor"),
        (np.zeros(4, np.float32), "shape"),
        (np.zeros(3, np.int8), "holds int8"),
        ({}, "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(theirs: Any, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        why(chain_of_adds(), theirs, np.zeros((1, 3), np.float32))
