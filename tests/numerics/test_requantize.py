from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.numerics.requantize import RULES, Requantization, Rule, output_stage, requantize
from tests.numerics import models

INT32_RULES: tuple[Rule, ...] = (
    "double_rounding",
    "single_rounding",
    "ruy_x86",
    "vector_half_up",
    "float64_half_away",
    "float32_half_even",
)
ALL_RULES: tuple[Rule, ...] = (*INT32_RULES, "int64_accumulator")
WIDE_RULES: tuple[Rule, ...] = ("float64_half_away", "int64_accumulator")

# Multipliers full of ties: powers of two, small numerators over powers of two; and any.
REALS = st.one_of(
    st.integers(-31, 8).map(lambda e: 2.0**e),
    st.tuples(st.integers(1, 64), st.integers(0, 26)).map(lambda t: t[0] / 2.0 ** t[1]),
    st.floats(2**-31, 2**8),
    st.floats(2**-14, 2**-4),
    st.just(0.0),
)


@st.composite
def accumulators(draw: st.DrawFn, real: float, limit: int) -> int:
    """Often next to a rounding threshold, on either side of it and on it."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        value = draw(st.integers(-limit, limit - 1))
    elif kind == 1:
        value = draw(st.sampled_from([-limit, limit - 1, 0, 2**22, -(2**22), 2**21, -(2**21), 2**24, 2**30, -(2**30)]))
        value += draw(st.integers(-2, 2))
    else:
        steps = draw(st.integers(-300, 300) if kind == 2 else st.integers(-(2**20), 2**20))
        value = round((Fraction(steps) + Fraction(1, 2)) / Fraction(real)) if real else steps
        value += draw(st.integers(-2, 2))
    return max(-limit, min(limit - 1, value))


@st.composite
def cases(draw: st.DrawFn, rules: tuple[Rule, ...], limit: int) -> tuple[Rule, list[float], list[list[int]]]:
    reals = draw(st.lists(REALS, min_size=1, max_size=4))
    rows = draw(st.integers(1, 6))
    acc = [[draw(accumulators(real, limit)) for real in reals] for _ in range(rows)]
    return draw(st.sampled_from(rules)), reals, acc


def expected_rows(rule: str, reals: list[float], rows: list[list[int]]) -> list[list[int]]:
    return [[models.requantize(rule, a, r) for a, r in zip(row, reals, strict=True)] for row in rows]


@given(cases(INT32_RULES, 2**31))
@example(("double_rounding", [0.25, 0.5], [[-1, -1], [-3, 1], [-5, 3], [3, -3]]))
@example(("double_rounding", [2.0**-21], [[2**21], [-(2**21)], [2**20 - 1], [-(2**20) + 1], [2**22 - 2**21]]))
@example(("vector_half_up", [2.0**-31], [[-(2**31)], [2**31 - 1]]))
@example(("ruy_x86", [2.0**-31, 1 - 2**-33], [[-(2**31), -(2**31)], [2**31 - 1, 2**31 - 1]]))
@example(("double_rounding", [256.0], [[2**23], [2**23 - 1], [-(2**23)], [2**31 - 1]]))
@example(("float64_half_away", [256.0], [[2**23], [2**23 - 1], [-(2**23)], [-(2**23) - 1]]))
def test_requantize_every_int32_accumulator(case: tuple[Rule, list[float], list[list[int]]]) -> None:
    rule, reals, rows = case
    result = requantize(np.array(rows, np.int32), Requantization.of(reals, rule))
    assert result.dtype == np.int32
    assert result.tolist() == expected_rows(rule, reals, rows)


@given(cases(WIDE_RULES, 2**46))
@example(("int64_accumulator", [2.0**-20, 2.0**7], [[2**38, 2**23], [2**38 - 1, 2**23 - 1], [2**46, -(2**24)]]))
def test_requantize_int64_accumulators(case: tuple[Rule, list[float], list[list[int]]]) -> None:
    rule, reals, rows = case
    result = requantize(np.array(rows, np.int64), Requantization.of(reals, rule))
    assert result.tolist() == expected_rows(rule, reals, rows)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_float_and_integer_paths_agree_around_the_limit(rule: Rule) -> None:
    rng = np.random.default_rng(7)
    for _ in range(60):
        reals = np.exp2(rng.uniform(-20, 4, 5))
        reals[:3] = np.exp2(np.round(np.log2(reals[:3])))
        r = Requantization.of(reals, rule)
        limit = min(r.exact_limit, 2**31 - 1)
        acc = np.stack([np.full(5, limit), np.full(5, -limit), *(rng.integers(-limit, limit, (40, 5)))])
        together = requantize(acc, r)
        beyond = np.concatenate([acc, np.full((1, 5), 2**31 - 1)])  # one large number sends all down the other path
        assert np.array_equal(requantize(beyond, r)[:-1], together)


def test_the_float_path_is_taken_only_where_its_products_fit_53_bits() -> None:
    for real in (0.9999, 0.6, 2.0**-9, 1.5, 100.0, 2.0**-30):
        for rule in ALL_RULES[:4]:
            r = Requantization.of(real, rule)
            assert max(r.exact_limit, 0) * int(r.multiplier[0]) < 2**53
            assert max(r.exact_limit, 0) << max(int(r.shift[0]), 0) < 2**31
        assert Requantization.of(min(real, 99.0), "int64_accumulator").exact_limit * 2**15 < 2**53


def test_the_cases_contain_ties_and_tell_the_rules_apart() -> None:
    real, acc = 2.0**-3, list(range(-64, 65))
    results = {rule: [models.requantize(rule, a, real) for a in acc] for rule in ALL_RULES}
    assert sum(models.is_tie(Fraction(a) * Fraction(real)) for a in acc) == 16
    assert results["double_rounding"] != results["ruy_x86"]
    assert results["double_rounding"] != results["single_rounding"]
    assert results["float64_half_away"] != results["float32_half_even"]
    assert results["single_rounding"] != results["float32_half_even"]
    for rule in ALL_RULES:
        assert requantize(np.array(acc)[:, None], Requantization.of(real, rule))[:, 0].tolist() == results[rule]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_multipliers_that_cannot_be_held_are_refused(rule: Rule) -> None:
    for bad in ([np.nan], [np.inf], [-0.5], [[0.5]]):
        with pytest.raises(ValueError, match="multipliers"):
            Requantization.of(bad, rule)
    assert Requantization.of(0.25, rule).real_multiplier.tolist() == [0.25]


def test_every_rule_is_explained() -> None:
    assert set(RULES) == set(ALL_RULES)


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no rounding rule"):
        Requantization.of(0.5, "half_down")  # type: ignore[arg-type]


class Recorder:
    recording = True

    def __init__(self) -> None:
        self.steps: dict[str, NDArray[Any]] = {}

    def __call__(self, name: str, value: NDArray[Any], /) -> NDArray[Any]:
        self.steps[name] = value
        return value


def plain_stage(
    acc: NDArray[Any], bias: NDArray[Any] | None, rule: Rule, reals: list[float], zero_point: int, low: int, high: int
) -> list[NDArray[Any]]:
    """The four steps with the models' integers."""
    wide = rule == "int64_accumulator" or (bias is not None and bias.dtype == np.int64)
    channels = acc.shape[-1]
    total = [int(a) + (int(bias[i % channels]) if bias is not None else 0) for i, a in enumerate(acc.ravel())]
    if not wide:
        total = [models.wrap(t, 32) for t in total]
    value = [models.requantize(rule, t, reals[i % channels % len(reals)]) for i, t in enumerate(total)]
    moved = [models.wrap(v + zero_point, 32) for v in value]
    clamped = [max(low, min(high, v)) for v in moved]
    return [np.array(v, np.int64).reshape(acc.shape) for v in (total, value, moved, clamped)]


@st.composite
def stages(draw: st.DrawFn) -> dict[str, Any]:
    rule: Rule = draw(st.sampled_from([*INT32_RULES, *WIDE_RULES]))
    channels = draw(st.integers(1, 5))
    reals = draw(st.lists(REALS, min_size=channels, max_size=channels) | st.lists(REALS, min_size=1, max_size=1))
    acc_dtype = draw(st.sampled_from([np.float32, np.float64, np.int32, np.int64]))
    wide = rule in WIDE_RULES and draw(st.booleans())
    limit = 2**24 if acc_dtype == np.float32 else 2**40 if wide and acc_dtype != np.int32 else 2**31
    rows = draw(st.integers(0, 7))
    acc = [[draw(accumulators(reals[c % len(reals)], limit)) for c in range(channels)] for _ in range(rows)]
    bias_dtype = np.int64 if wide else np.int32
    bias_limit = draw(st.sampled_from([100, 2**20, 2**31 - 1]))
    bias = draw(st.none() | st.lists(st.integers(-bias_limit, bias_limit), min_size=channels, max_size=channels))
    dtype: np.dtype[Any] = np.dtype(draw(st.sampled_from(["int8", "uint8", "int16"])))
    info = np.iinfo(dtype)
    low, high = sorted(draw(st.tuples(st.integers(info.min, info.max), st.integers(info.min, info.max))))
    return {
        "rule": rule,
        "reals": reals,
        "acc": np.array(acc, acc_dtype).reshape(rows, channels),
        "bias": None if bias is None else np.array(bias, bias_dtype),
        "zero_point": draw(st.integers(info.min, info.max)),
        "low": low,
        "high": high,
        "dtype": dtype,
    }


@given(stages(), st.booleans())
def test_output_stage(case: dict[str, Any], bounded: bool) -> None:
    dtype = case.pop("dtype")
    steps = plain_stage(**case)
    r = Requantization.of(case["reals"], case["rule"])
    acc, limits = case["acc"], (case["low"], case["high"])
    bound = int(np.abs(acc.astype(np.float64)).max(initial=0)) if bounded else None
    before = acc.copy()
    recorder = Recorder()
    y = output_stage(acc, case["bias"], r, case["zero_point"], limits, dtype, accumulator_bound=bound)
    recorded = output_stage(acc, case["bias"], r, case["zero_point"], limits, dtype, recorder, bound)
    assert y.dtype == dtype
    assert np.array_equal(y, steps[-1])
    assert np.array_equal(recorded, y)
    assert np.array_equal(acc, before)
    if acc.size:
        assert list(recorder.steps) == ["add_bias", "requantize", "add_zero_point", "clamp"]
        for step, expected in zip(recorder.steps.values(), steps, strict=True):
            assert np.array_equal(step, expected)


@pytest.mark.parametrize("rule", ALL_RULES)
@pytest.mark.parametrize("shape", [(1, 3, 3, 5), (2, 67, 61, 7), (4099, 1), (3, 1001), (1, 9001), (0, 4), (3, 0)])
def test_output_stage_in_blocks(rule: Rule, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(shape))
    channels = shape[-1]
    reals = np.exp2(np.round(rng.uniform(-9, -2, channels) * 2) / 2)
    r = Requantization.of(reals if channels else [0.5], rule)
    bias = rng.integers(-500, 500, channels).astype(np.int32)
    acc = rng.integers(-20000, 20000, shape)
    if channels and shape[0] > 4000:
        acc[1234] = 2**22 + 1  # one block takes the integer path
    expected = np.clip(requantize(acc + bias, r).astype(np.int64) + 7, -90, 101)
    for dtype in (np.float32, np.float64, np.int32, np.int64):
        y = output_stage(acc.astype(dtype), bias, r, 7, (-90, 101), np.int8)
        assert np.array_equal(y, expected)
        assert np.array_equal(output_stage(acc.astype(dtype), bias, r, 7, (-90, 101), np.int8, Recorder()), expected)
