"""Rounding rules, multipliers and accumulators full of ties, which the tests of the numerics share."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from qcore.numerics.rounding import Rule

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
