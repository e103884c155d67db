from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.numerics.requantize import Requantization, Rule, output_stage, requantize
from tests.numerics import models
from tests.numerics.ties import ALL_RULES, INT32_RULES, REALS, WIDE_RULES, accumulators


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
