"""The bounds against all inputs there are, tried one by one."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.auditor.proof.bounds import Range, bounds, headroom
from qcore.auditor.proof.product import Product, product
from qcore.op import Node
from tests.auditor.proof.cases import dense
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, FullyConnectedOptions


def product_of(w: Any, bias: Any, zero_point: int = 0, **options: Any) -> Product:
    model = dense(w, bias, x_zero_point=zero_point, **options).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    return p


def orders(terms: list[int], bias: int) -> set[int]:
    """What an accumulator holds at any moment, in any order of the terms and the bias."""
    return {sum(some) for size in range(len(terms) + 2) for some in itertools.combinations([*terms, bias], size)}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=4),
    st.integers(-50, 50),
    st.integers(-4, 4),
    st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 2)), min_size=4, max_size=4),
    st.booleans(),
)
def test_every_input_of_a_small_product(
    w: list[int], bias: int, zero_point: int, ends: list[tuple[int, int]], channels: bool
) -> None:
    ranges = [(low, low + more) for low, more in (ends[: len(w)] if channels else ends[:1])]
    b = bounds(
        product_of([w], [bias], zero_point),
        Range(np.array([low for low, _ in ranges], np.int64), np.array([high for _, high in ranges], np.int64)),
    )
    each = ranges if channels else ranges * len(w)
    totals, on_the_way, anywhere = set(), {0}, {0}
    for x in itertools.product(*[range(low, high + 1) for low, high in each]):
        terms = [(value - zero_point) * weight for value, weight in zip(x, w, strict=True)]
        totals.add(sum(terms) + bias)
        on_the_way |= {sum(terms[:count]) for count in range(len(terms) + 1)} | {sum(terms) + bias}
        anywhere |= orders(terms, bias)
    assert (b.low[0], b.high[0]) == (min(totals), max(totals))
    assert (b.prefix_low[0], b.prefix_high[0]) == (min(on_the_way), max(on_the_way))
    assert (b.any_low[0], b.any_high[0]) == (min(anywhere), max(anywhere))


def test_a_bias_beyond_64_bits() -> None:
    b = bounds(product_of([[1, 1]], [2**63 - 1], dtype=np.int16), Range.of(-32768, 32767))
    assert b.high.tolist() == [2**63 - 1 + 2 * 32767]
    assert headroom(b.low, b.high, 64)[0] < 0


@pytest.mark.parametrize(
    ("low", "high", "bits", "spare"),
    [
        (-128, 127, 8, 0.0),
        (-129, 0, 8, np.log2(128 / 129)),
        (0, 128, 8, np.log2(128 / 129)),
        (-32, 31, 8, 2.0),
        (0, 0, 8, 7),
    ],
)
def test_headroom_is_negative_where_a_number_does_not_fit(low: int, high: int, bits: int, spare: float) -> None:
    assert headroom(np.array([low]), np.array([high]), bits)[0] == pytest.approx(spare, abs=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    p = product_of(rng.integers(-128, 128, (7, 5)), rng.integers(-999, 999, 7), -5)
    low = rng.integers(-128, 0, 5)
    for range_ in (Range.of(-128, 127), Range.of(3, 9), Range(low, low + 7)):
        whole = bounds(p, range_)
        with monkeypatch.context() as patch:
            patch.setattr(sys.modules["qcore.auditor.proof.bounds"], "_BLOCK", 10)
            parts = bounds(p, range_)
        for name in ("low", "high", "prefix_low", "prefix_high", "any_low", "any_high"):
            assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=3), st.booleans())
def test_every_row_of_a_small_hybrid_product(w: list[int], asymmetric: bool) -> None:
    """All q and z that a row can have at their ends: q * w is added, and z * sum(w) taken off, last or whenever."""
    options = FullyConnectedOptions(asymmetric_quantize_inputs=asymmetric)
    operands = [Operand(np.zeros((1, len(w)), np.float32)), Operand(np.array([w], np.int8), 1.0, constant=True)]
    model = OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [Result(np.float32)], options, 3).model()
    p = product(model, Node.of(model, 0, 0))
    assert p is not None
    b = bounds(p, Range.of(0, 0))
    totals, on_the_way, anywhere = set(), {0}, {0}
    for z in (-128, 127) if asymmetric else (0,):
        for q in itertools.product((-128, 0, 127) if asymmetric else (-127, 127), repeat=len(w)):
            terms = [value * weight for value, weight in zip(q, w, strict=True)]
            offset = -z * sum(w)
            totals.add(sum(terms) + offset)
            on_the_way |= {sum(terms[:count]) for count in range(len(terms) + 1)} | {sum(terms) + offset}
            anywhere |= orders(terms, offset)
    assert (b.low[0], b.high[0]) == (min(totals), max(totals))
    assert (b.prefix_low[0], b.prefix_high[0]) == (min(on_the_way), max(on_the_way))
    assert (b.any_low[0], b.any_high[0]) == (min(anywhere), max(anywhere))
