from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.numerics import gemm, window

SEED = st.integers(0, 2**32 - 1)


def integers(rng: np.random.Generator, low: int, high: int, shape: tuple[int, ...], extreme: bool) -> NDArray[Any]:
    return rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)


@given(SEED, st.integers(1, 9), st.integers(1, 3000), st.integers(1, 5), st.booleans(), st.integers(-128, 0))
@example(0, 3, 1152, 2, True, 0)
@example(0, 3, 4608, 2, True, 0)
@example(0, 1, 518, 1, True, 0)
def test_matmul_is_exact(seed: int, n: int, k: int, rows: int, extreme: bool, offset: int) -> None:
    rng = np.random.default_rng(seed)
    w = integers(rng, -128, 127, (n, k), extreme).astype(np.int8)
    x = integers(rng, -255, 255, (2, rows, k), extreme)
    prepared = gemm.prepare_weights(w, offset, (-255, 255))
    expected = x @ (w.astype(np.int64) + offset).T
    for values in (x, x.astype(np.float32), x.astype(np.int16)):
        acc = gemm.matmul(values, prepared)
        assert acc.shape == (2, rows, n)
        assert np.array_equal(acc, expected)
    assert np.abs(expected).max() <= prepared.accumulator_bound
    assert prepared.shape == (k, n)


def test_adversarial_rows_meet_the_bound_and_stay_exact() -> None:
    rng = np.random.default_rng(1)
    for k in (257, 517, 519, 1152, 2304, 4608, 20000):
        w = np.where(rng.random((4, k)) < 0.5, 127, -127).astype(np.int8)
        prepared = gemm.prepare_weights(w, 0, (-128, 255))
        worst = np.where(w[0] > 0, 255, -128)
        acc = gemm.matmul(worst[None].astype(np.float32), prepared)
        expected = worst[None] @ w.astype(np.int64).T
        assert np.array_equal(acc, expected)
        highest = np.where(w > 0, 255 * 127, 128 * 127).sum(axis=1).max()
        lowest = np.where(w > 0, 128 * 127, 255 * 127).sum(axis=1).max()
        assert prepared.accumulator_bound == max(highest, lowest)


def test_precision_follows_the_bound() -> None:
    def kinds(k: int, low: int, high: int) -> tuple[int, np.dtype[Any]]:
        pieces = gemm.prepare_weights(np.full((1, k), 128), 0, (low, high)).pieces
        return len(pieces), pieces[0].dtype

    assert kinds(512, 0, 256) == (1, np.dtype(np.float32))  # exactly 2^24
    assert kinds(513, 0, 256) == (2, np.dtype(np.float32))
    assert kinds(2049, 0, 256) == (1, np.dtype(np.float64))
    with pytest.raises(ValueError, match="too large"):
        gemm.prepare_weights(np.full((1, 2**20), 2**20), 0, (0, 2**20))


def test_offset_per_channel() -> None:
    rng = np.random.default_rng(2)
    w, offset = rng.integers(0, 256, (5, 17)).astype(np.uint8), rng.integers(-255, 1, (5, 1))
    x = rng.integers(-200, 55, (3, 17))
    acc = gemm.matmul(x, gemm.prepare_weights(w, offset, (-200, 55)))
    assert np.array_equal(acc, x @ (w.astype(np.int64) + offset).T)


@given(SEED, st.sampled_from([127, 32767, 2**20]), st.integers(0, 40), st.booleans())
@example(0, 32767, 40, True)
def test_matmul_integers(seed: int, limit: int, k: int, extreme: bool) -> None:
    rng = np.random.default_rng(seed)
    a = integers(rng, -limit - 1, limit, (2, 3, k), extreme)
    b = integers(rng, -limit - 1, limit, (2, k, 4), extreme)
    result = gemm.matmul_integers(a, b)
    assert result.dtype == np.int64
    assert np.array_equal(result, a @ b)


def test_matmul_integers_refuses_what_float64_cannot_hold() -> None:
    with pytest.raises(ValueError, match="too large"):
        gemm.matmul_integers(np.array([[2**27]]), np.array([[2**27]]))


geometries = st.fixed_dictionaries(
    {
        "input_hw": st.tuples(st.integers(5, 12), st.integers(5, 12)),
        "kernel_hw": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "strides": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "dilations": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "padding": st.sampled_from(["SAME", "VALID"]),
    }
)


@given(SEED, geometries, st.integers(1, 5), st.sampled_from([np.int8, np.uint8, np.int16]))
@example(
    0, {"input_hw": (5, 5), "kernel_hw": (3, 3), "strides": (2, 2), "dilations": (1, 1), "padding": "SAME"}, 3, np.int16
)
def test_convolutions(seed: int, spec: dict[str, Any], channels: int, dtype: type[Any]) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    zero_point = 0 if dtype == np.int16 else int(rng.integers(info.min, info.max + 1))
    g = window.geometry(**spec)
    x = rng.integers(info.min, info.max + 1, (2, *spec["input_hw"], channels)).astype(dtype)
    w = rng.integers(-128, 128, (4, *g.kernel, channels)).astype(np.int8)
    input_range = (int(info.min) - zero_point, int(info.max) - zero_point)
    padded = window.offset_and_pad(x, zero_point, g)
    taps = window.patches(padded, g).astype(np.int64)
    acc = gemm.convolve(padded, g, gemm.prepare_weights(w.reshape(4, -1), 0, input_range))
    assert np.array_equal(acc, np.einsum("nhwijc,oijc->nhwo", taps, w.astype(np.int64)))
    depthwise = gemm.depthwise(window.patches(padded, g), gemm.prepare_depthwise(w[0], 3, input_range))
    assert np.array_equal(depthwise, np.einsum("nhwijc,ijc->nhwc", taps, w[0].astype(np.int64) + 3))


@pytest.mark.parametrize("channels", [4, 100])
@pytest.mark.parametrize("strides", [(2, 2), (1, 3), (2, 3)])
def test_depthwise_strides_with_few_and_many_channels(channels: int, strides: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    g = window.geometry((13, 11), (3, 4), strides, (1, 1), "SAME")
    x, w = rng.integers(0, 256, (2, 13, 11, channels)).astype(np.uint8), rng.integers(-128, 128, (3, 4, channels))
    taps = window.patches(window.offset_and_pad(x, 7, g), g)
    acc = gemm.depthwise(taps, gemm.prepare_depthwise(w, 0, (-7, 248)))
    assert np.array_equal(acc, np.einsum("nhwijc,ijc->nhwc", taps.astype(np.int64), w))
    prepared = gemm.prepare_depthwise(w, 0, (-7, 248))
    for size in (11, 21, 11):  # the same weights at another width
        g = window.geometry((13, size), (3, 4), strides, (1, 1), "VALID")
        image = rng.integers(0, 256, (1, 13, size, channels)).astype(np.uint8)
        taps = window.patches(window.offset_and_pad(image, 7, g), g)
        assert np.array_equal(gemm.depthwise(taps, prepared), np.einsum("nhwijc,ijc->nhwc", taps.astype(np.int64), w))


def test_convolution_in_tiles() -> None:
    rng = np.random.default_rng(3)
    g = window.geometry((65, 63), (3, 3), (1, 1), (1, 1), "SAME")
    x = rng.integers(-128, 128, (1, 65, 63, 32)).astype(np.int8)
    w = rng.integers(-128, 128, (2, 3, 3, 32))
    padded = window.offset_and_pad(x, 5, g)
    acc = gemm.convolve(padded, g, gemm.prepare_weights(w.reshape(2, -1), 0, (-133, 122)))
    assert np.array_equal(acc, np.einsum("nhwijc,oijc->nhwo", window.patches(padded, g).astype(np.int64), w))
