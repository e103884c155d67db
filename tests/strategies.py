"""What the property tests draw from: scales rich in ties, zero points at the ends, data of several kinds, shapes.

Arrays come from a drawn seed, so large ones cost nothing to draw and a failing case still shrinks in shape and kind.
`volume` multiplies batch sizes in the conformance run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tflite_schema import ActivationFunctionType

Array = NDArray[Any]
volume = 1
"""How many times larger the batch may be; the conformance run raises it."""

FUSED = st.sampled_from(
    [
        ActivationFunctionType.NONE,
        ActivationFunctionType.RELU,
        ActivationFunctionType.RELU6,
        ActivationFunctionType.RELU_N1_TO_1,
    ]
)
INTEGER_DTYPES = {"int8": np.int8, "uint8": np.uint8, "int16": np.int16, "int32": np.int32, "int64": np.int64}


def scales() -> st.SearchStrategy[float]:
    """Scales: k/64 and powers of two (their products and ratios tie), common constants, and random float32."""
    return st.one_of(
        st.integers(1, 64).map(lambda k: k / 64),
        st.integers(-12, 2).map(lambda e: 2.0**e),
        st.sampled_from([1 / 255, 1 / 128, 1 / 256, 0.5, 0.1, 0.007843137718737125]),
        st.floats(2.0**-13, 2.0, width=32, allow_subnormal=False),
    )


def channel_scales(channels: int) -> st.SearchStrategy[Array]:
    """float32[channels] weight scales, all tie-rich or all random."""
    return st.lists(scales(), min_size=channels, max_size=channels).map(lambda values: np.array(values, np.float32))


def zero_points(dtype: Any) -> st.SearchStrategy[int]:
    """Zero points of the dtype, the ends and 0 often among them."""
    info = np.iinfo(dtype)
    middle = (int(info.min) + int(info.max) + 1) // 2
    return st.one_of(st.sampled_from([int(info.min), middle, int(info.max)]), st.integers(int(info.min), int(info.max)))


def batch(most: int = 3) -> st.SearchStrategy[int]:
    """A batch size; the conformance run draws larger ones."""
    return st.deferred(lambda: st.integers(1, most) if volume == 1 else st.integers(most, most * volume))


@st.composite
def integers(
    draw: st.DrawFn, shape: tuple[int, ...], dtype: Any, low: int | None = None, high: int | None = None
) -> Array:
    """Integer data: the whole range, only its ends, small values, or one constant."""
    info = np.iinfo(dtype)
    least, most = int(info.min) if low is None else low, int(info.max) if high is None else high
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    kind = draw(st.sampled_from(["range", "range", "ends", "small", "constant"]), label="data")
    if kind == "ends":
        values = rng.choice(np.array([least, most]), shape)
    elif kind == "small":
        centre = draw(st.integers(least, most))
        values = np.clip(rng.integers(-3, 4, shape) + centre, least, most)
    elif kind == "constant":
        values = np.full(shape, draw(st.integers(least, most)))
    else:
        values = rng.integers(least, most, shape, endpoint=True)
    return np.asarray(values).astype(dtype)


@st.composite
def floats(draw: st.DrawFn, shape: tuple[int, ...], spread: float = 4.0) -> Array:
    """float32 data: normal values, or halves and quarters (which tie when quantized), sometimes with zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    kind = draw(st.sampled_from(["normal", "quarters", "sparse"]), label="data")
    values = rng.normal(0, spread, shape)
    if kind == "quarters":
        values = np.round(values * 4) / 4
    elif kind == "sparse":
        values = values * (rng.random(shape) < 0.5)
    return np.asarray(values).astype(np.float32)


def shapes(rank: int, most: int = 6) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of a given rank, the first dimension a batch."""
    if rank == 0:
        return st.just(())
    return st.tuples(batch(), *[st.integers(1, most) for _ in range(rank - 1)])


@st.composite
def broadcast_pair(draw: st.DrawFn, most_rank: int = 4, most: int = 5) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast together: equal, with ones, or of lower rank."""
    full = draw(shapes(draw(st.integers(1, most_rank)), most))

    def thinned() -> tuple[int, ...]:
        kept = tuple(n if draw(st.booleans()) else 1 for n in full)
        return kept[draw(st.integers(0, len(kept) - 1)) :]

    pattern = draw(st.sampled_from(["equal", "left", "right", "both"]))
    left = thinned() if pattern in ("left", "both") else full
    right = thinned() if pattern in ("right", "both") else full
    return left, right
