from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qcore.numerics.rounding import RULES, Requantization, Rule, requantize
from tests.numerics import models
from tests.numerics.ties import ALL_RULES, INT32_RULES, REALS, WIDE_RULES, accumulators


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
