"""Proofs that one float32 expression equals an output stage for every accumulator.

An output stage is a staircase: it never falls as the accumulator grows, and an 8-bit output has at most 255 steps. So
does z(acc) = clamp(rint(float32(float32(acc * m) + c))), for each of its operations is monotone. Two such staircases
are equal when they agree on both sides of every step:  z(T_k) >= k and z(T_k - 1) < k,  T_k the first accumulator that
gives k. That is checked with the very expression that will run, so no error analysis is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What to try: neighbours of the multiplier, in units of its last place, and places of c between its bounds.
_CANDIDATES = (*product((0.5,), (0, 1, -1, 2, -2, 3, -3)), *product((0.3, 0.7), (0, 1, -1)))


@dataclass(frozen=True, eq=False)
class Certificate:
    """float32 [C] constants of clamp(rint(acc * multiplier + offset)), and for which channels they are proved."""

    multiplier: NDArray[np.float32]
    offset: NDArray[np.float32]
    proved: NDArray[np.bool_]


def certify(
    exact: Callable[[NDArray[np.float64]], NDArray[Any]],
    slope: NDArray[np.float64],
    bias: NDArray[np.int64],
    zero_point: int,
    activation_range: tuple[int, int],
    reach: int,
) -> Certificate:
    """Search m and c for  clamp(exact(acc + bias) + zero_point), |acc| <= reach, acc a float32.

    `exact` maps totals [K, C] to their requantized value; `slope` [C] is its real multiplier. The caller must know that
    `exact` never falls for these accumulators (no total wraps), or the proof is void.
    """
    low, high = activation_range
    levels = np.arange(low + 1, high + 1, dtype=np.float64)[:, None]
    first, found = _first_accumulators(exact, slope, levels - zero_point, bias, reach)
    inside, before = first <= reach, first > -reach
    at = _float32_at_least(np.minimum(first, reach))
    below = _float32_at_most(np.maximum(first - 1, -reach))
    proof = Certificate(slope.astype(np.float32), np.zeros(slope.shape, np.float32), np.zeros(slope.shape, np.bool_))
    for place, ulps in _CANDIDATES:
        todo = np.flatnonzero(found & ~proof.proved)
        multiplier = (slope[todo].astype(np.float32).view(np.int32) + np.int32(ulps)).view(np.float32)
        up, down = at[:, todo] * multiplier, below[:, todo] * multiplier
        least = np.where(inside[:, todo], levels - 0.5 - up, -np.inf).max(axis=0)
        most = np.where(before[:, todo], levels - 0.5 - down, np.inf).min(axis=0)
        offset = _between(least, most, place)
        reached = (np.rint(up + offset) >= levels) | ~inside[:, todo]
        not_yet = (np.rint(down + offset) < levels) | ~before[:, todo]
        good = (reached & not_yet).all(axis=0) & (multiplier >= 0)
        proof.proved[todo[good]] = True
        proof.multiplier[todo[good]], proof.offset[todo[good]] = multiplier[good], offset[good]
    return proof


def _between(least: NDArray[np.float64], most: NDArray[np.float64], place: float) -> NDArray[np.float32]:
    """A point between the two; where one is infinite (all levels, or none, are reached), a little beyond the other."""
    least, most = np.where(np.isfinite(least), least, most - 1), np.where(np.isfinite(most), most, least + 1)
    return np.where(np.isfinite(least + most), least + (most - least) * place, 0).astype(np.float32)


def _first_accumulators(
    exact: Callable[[NDArray[np.float64]], NDArray[Any]],
    slope: NDArray[np.float64],
    levels: NDArray[np.float64],
    bias: NDArray[np.int64],
    reach: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(T, found): T [K, C] the least accumulator in [-reach, reach] with exact(T + bias) >= level, reach + 1 for none.

    `found` [C] tells where that is verified.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        guess = np.ceil((levels - 0.5) / slope) - bias
    guess = np.asarray(np.clip(np.where(np.isnan(guess), 0, guess), -reach, reach + 1), np.float64)
    wrong: NDArray[np.bool_] = np.ones(guess.shape, np.bool_)
    for _ in range(5):
        late = (exact(np.minimum(guess, reach) + bias) < levels) & (guess <= reach)
        early = (exact(np.maximum(guess - 1, -reach) + bias) >= levels) & (guess > -reach)
        wrong = np.asarray(late | early)
        if not wrong.any():
            break
        guess = guess + late - (early & ~late)
    return np.asarray(guess, np.float64), np.asarray(~wrong.any(axis=0))


def _float32_at_least(x: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = x.astype(np.float32)
    return np.where(nearest < x, np.nextafter(nearest, np.float32(np.inf)), nearest)


def _float32_at_most(x: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = x.astype(np.float32)
    return np.where(nearest > x, np.nextafter(nearest, np.float32(-np.inf)), nearest)
