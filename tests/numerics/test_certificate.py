from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.numerics.certificate import Certificate, certify
from qcore.numerics.requantize import OutputStage, Requantization, Rule, output_stage, requantize

RULES: tuple[Rule, ...] = (
    "double_rounding",
    "single_rounding",
    "ruy_x86",
    "vector_half_up",
    "float64_half_away",
    "float32_half_even",
)
SLOPES = st.one_of(
    st.integers(-11, 2).map(lambda e: 2.0**e),
    st.tuples(st.integers(1, 64), st.integers(6, 14)).map(lambda t: t[0] / 2.0 ** t[1]),
    st.floats(2**-10, 2),
    st.sampled_from([2.0**-22, 2.0**-31, 0.0]),
)


def staircase(proof: Certificate, acc: NDArray[np.float32], low: int, high: int) -> NDArray[np.float32]:
    value = acc * proof.multiplier
    value += proof.offset
    return np.clip(np.rint(value), low, high)


@given(
    st.sampled_from(RULES),
    st.lists(SLOPES, min_size=1, max_size=6),
    st.integers(-(2**18), 2**18),
    st.sampled_from(
        [(-128, -128, 127), (0, 0, 255), (-128, -128, 0), (5, -128, 127), (127, -128, 127), (-20, -20, 90)]
    ),
    st.sampled_from([2**12, 2**20, 2**24, 2**30]),
)
@example("double_rounding", [0.25, 0.5], 0, (0, 0, 255), 2**24)
@example("double_rounding", [0.25, 0.5], 0, (5, -128, 127), 2**24)
@example("float32_half_even", [2.0**-10], 2**18, (0, 0, 255), 2**30)
@example("double_rounding", [1.0], 0, (-128, -128, 127), 2**30)
def test_a_proof_holds_for_every_accumulator(
    rule: Rule, slopes: list[float], bias: int, output: tuple[int, int, int], reach: int
) -> None:
    zero_point, low, high = output
    r = Requantization.of(slopes, rule)
    reach = min(reach, 2 ** (31 - max(int(r.shift.max()), 0)) - 2**18 - 1)  # beyond, totals wrap
    biases = np.full(len(slopes), bias, np.int64)
    proof = certify(lambda acc: requantize(acc, r), r.slope, biases, zero_point, (low, high), reach)
    rng = np.random.default_rng(0)
    columns = []
    for slope in slopes:  # all of the staircase if it is short, else around every step and at random
        width = int(min(reach, 400 / max(slope, 1e-9)))
        middle = int(np.clip(-bias, -reach, reach))
        near = np.clip(middle + rng.integers(-width, width + 1, 4000), -reach, reach)
        steps = np.clip(np.round((np.arange(-300, 300) - 0.5) / max(slope, 1e-9)) - bias, -reach, reach).astype(
            np.int64
        )
        every = [near, rng.integers(-reach, reach + 1, 200), steps - 1, steps, steps + 1, [reach, -reach]]
        columns.append(np.clip(np.concatenate(every), -reach, reach))
    acc = np.stack(columns, axis=1).astype(np.float32)
    acc = np.where(np.abs(acc) <= reach, acc, np.float32(0))
    exact = np.clip(requantize(acc.astype(np.int64) + bias, r).astype(np.int64) + zero_point, low, high)
    wrong = (staircase(proof, acc, low, high) != exact).any(axis=0)
    assert not (wrong & proof.proved).any()


def test_proofs_are_found_and_refused() -> None:
    rng = np.random.default_rng(0)
    slopes = np.exp2(rng.uniform(-8, -4, 200))
    nothing = np.zeros(200, np.int64)

    def share(rule: Rule, zero_point: int) -> float:
        r = Requantization.of(slopes, rule)
        low_high = (-128, 127)
        return float(
            certify(lambda acc: requantize(acc, r), r.slope, nothing, zero_point, low_high, 2**24).proved.mean()
        )

    assert share("double_rounding", -128) > 0.8
    assert share("ruy_x86", 3) > 0.8
    assert share("double_rounding", 3) < 0.05  # two roundings leave a step at zero that one line cannot have


class Recorder:
    recording = True

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, value: NDArray[Any], /) -> NDArray[Any]:
        self.names.append(name)
        return value


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_a_stage_that_is_used_often_gives_the_same_integers(rule: Rule, bounded: bool, with_bias: bool) -> None:
    rng = np.random.default_rng(1)
    channels = 37
    reals = np.exp2(rng.uniform(-10, -4, channels))
    reals[:5] = 2.0**-9, 2.0**-7, 2.0**-31, 2.0**-7.5, 0.0
    r = Requantization.of(reals, rule)
    bias = rng.integers(-5000, 5000, channels).astype(np.int32) if with_bias else None
    if bias is not None:
        bias.flags.writeable = False
    acc = np.rint(rng.standard_normal((1, 41, 43, channels)) * 90 / np.maximum(reals, 2.0**-12)).astype(np.float32)
    bound = int(np.abs(acc).max()) if bounded else None
    for zero_point, limits, dtype in ((-128, (-128, 127), np.int8), (0, (0, 255), np.uint8), (9, (-128, 127), np.int8)):
        total = acc.astype(np.int64) + (0 if bias is None else bias)
        expected = np.clip(requantize(total, r).astype(np.int64) + zero_point, *limits)
        for _ in range(4):  # the proof is tried after the second or third
            y = output_stage(acc, bias, r, zero_point, limits, dtype, accumulator_bound=bound)
            assert np.array_equal(y, expected)
        recorder = Recorder()
        recorded = output_stage(acc, bias, r, zero_point, limits, dtype, recorder, bound)
        assert np.array_equal(recorded, expected)
        assert recorder.names == ["add_bias", "requantize", "add_zero_point", "clamp"]
        few = output_stage(acc[:, 0, 0], bias, r, zero_point, limits, dtype, accumulator_bound=bound)
        assert np.array_equal(few, expected[:, 0, 0])


def test_the_float32_expression_is_really_used_and_unproved_channels_apart() -> None:
    rng = np.random.default_rng(2)
    reals = np.exp2(rng.uniform(-9.5, -8.5, 64))
    stage = OutputStage(64, None, Requantization.of(reals, "double_rounding"), -128, (-128, 127), np.int8)
    acc = rng.integers(-30000, 30000, (5000, 64)).astype(np.float32)
    before = stage(acc)
    assert stage.unproved is not None
    assert 0 < stage.unproved.size < 20
    assert stage.others is not None
    stage.constants["proved_offset"] = stage.constants["proved_offset"] + np.float32(1)  # break it: it must show
    stage.constants.pop("tiled_multiplier")
    broken = (stage(acc) != before).any(axis=0)
    assert np.array_equal(np.flatnonzero(~broken), stage.unproved)


def test_a_writeable_bias_may_change_between_calls() -> None:
    r = Requantization.of(0.5, "double_rounding")
    bias, acc = np.array([0, 0], np.int32), np.array([[10, 20]], np.int32)
    assert output_stage(acc, bias, r, 0, (-128, 127), np.int8).tolist() == [[5, 10]]
    bias += 2
    assert output_stage(acc, bias, r, 0, (-128, 127), np.int8).tolist() == [[6, 11]]


@pytest.mark.parametrize(
    ("bias", "slope", "acc", "bound"), [(2**31 - 5000, 2.0**-16, 10000, None), (0, 1.0, 2**30, 2**30)]
)
def test_wrapping_accumulators_are_never_proved(bias: int, slope: float, acc: int, bound: int | None) -> None:
    stage = OutputStage(
        1, np.array([bias], np.int32), Requantization.of(slope, "double_rounding"), 0, (0, 127), np.int8, bound
    )
    for _ in range(2):
        assert (stage(np.full((5000, 1), acc, np.float32)) == 0).all()  # wrapped to a negative number
    assert stage.unproved is None
