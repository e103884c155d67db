"""Exact integer products on floating-point BLAS.

A float32 holds every integer up to 2^24 and a float64 up to 2^53. When no partial sum of a product can pass that limit,
in whatever order the terms are added, every intermediate result is an exact integer and BLAS gives the integer answer.
The limit is decided when the weights are prepared, from the weights themselves and the range of the input:

    highest = max over channels of sum_k max(w_k * low, w_k * high, 0),  lowest likewise;  bound = max(highest, -lowest)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qcore.numerics.window import Geometry, patches

FLOAT32_LIMIT, FLOAT64_LIMIT = 2**24, 2**53
_MAX_SPLITS = 4  # more float32 products than this cost as much as one in float64
_LONG = 96  # from this many channels a loop over channels alone is long enough
_TILE = 131072  # patches copied at a time, in elements: they stay in the L2 cache until multiplied


@dataclass(frozen=True, eq=False)
class Weights:
    """A right-hand side ready for `matmul`: consecutive pieces [k_i, N] along K, float32 or float64."""

    pieces: tuple[NDArray[Any], ...]
    accumulator_bound: int  # no |sum of products| passes it, bias not included

    @property
    def shape(self) -> tuple[int, int]:
        """(K, N)"""
        return sum(piece.shape[0] for piece in self.pieces), self.pieces[0].shape[1]


@dataclass(frozen=True, eq=False)
class DepthwiseWeights:
    """Weights [KH, KW, C] ready for `depthwise`, float32 or float64."""

    values: NDArray[Any]
    accumulator_bound: int
    _tiled: dict[tuple[int, int | None, int | None], NDArray[Any]] = field(default_factory=dict, repr=False)

    def tiled(self, width: int, taps: slice) -> NDArray[Any]:
        """Some columns of taps repeated along an output row: [KH, taps, width * C]. The last width's are kept."""
        key = (width, taps.start, taps.step)
        if key not in self._tiled:
            if any(kept[0] != width for kept in self._tiled):
                self._tiled.clear()
            some = self.values[:, taps, None]
            kh, columns, _, channels = some.shape
            self._tiled[key] = np.broadcast_to(some, (kh, columns, width, channels)).reshape(kh, columns, -1)
        return self._tiled[key]


def _with_offset(w: NDArray[Any], offset: ArrayLike) -> NDArray[np.float64]:
    shifted = w.astype(np.float64)
    shifted += np.asarray(offset, np.float64)
    return shifted


def _extremes(w: NDArray[np.float64], input_range: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Largest and smallest contribution of each weight to a sum, zero included (padding, terms not yet added)."""
    low, high = min(input_range[0], 0), max(input_range[1], 0)
    at_low, at_high = w * low, w * high
    return np.maximum(at_low, at_high), np.minimum(at_low, at_high)


def prepare_weights(w: NDArray[Any], offset: ArrayLike = 0, input_range: tuple[int, int] = (-255, 255)) -> Weights:
    """Weights for `matmul`.

    w: integers [N, K], one row per output channel; offset: added to w (minus its zero point), a number or [N, 1];
    input_range: lowest and highest x, zero point subtracted. Raises ValueError where even float64 is not exact.
    """
    shifted = _with_offset(w, offset)
    highest, lowest = _extremes(shifted, input_range)
    bound = _bound(highest.sum(axis=1), lowest.sum(axis=1))
    if bound <= FLOAT32_LIMIT:
        return Weights((np.ascontiguousarray(shifted.T, np.float32),), bound)
    if bound > FLOAT64_LIMIT:
        raise ValueError(f"sums of products up to {bound} are too large for an exact matrix product")
    edges = _split(highest, lowest)
    if edges is None:
        return Weights((np.ascontiguousarray(shifted.T),), bound)
    pieces = (np.ascontiguousarray(shifted[:, a:b].T, np.float32) for a, b in pairwise(edges))
    return Weights(tuple(pieces), bound)


def _bound(highest: NDArray[Any], lowest: NDArray[Any]) -> int:
    return int(max(highest.max(initial=0), -lowest.min(initial=0)))


def _split(highest: NDArray[Any], lowest: NDArray[Any]) -> list[int] | None:
    """Edges of the fewest equal pieces of K that are each exact in float32; None when too many."""
    k = highest.shape[1]
    for count in range(2, _MAX_SPLITS + 1):
        edges = [k * i // count for i in range(count + 1)]
        if all(
            _bound(highest[:, a:b].sum(axis=1), lowest[:, a:b].sum(axis=1)) <= FLOAT32_LIMIT for a, b in pairwise(edges)
        ):
            return edges
    return None


def matmul(x: NDArray[Any], w: Weights) -> NDArray[Any]:
    """Product x [..., K] @ w: float array [..., N] of exact integers.

    x: exact integers, zero point subtracted, within the input range the weights were prepared for; float32 or integer.
    """
    first = w.pieces[0]
    values = x.astype(first.dtype, copy=False)
    if len(w.pieces) == 1:
        return np.asarray(np.matmul(values, first))
    acc = np.asarray(np.matmul(values[..., : first.shape[0]], first), np.float64)
    start = first.shape[0]
    for piece in w.pieces[1:]:
        acc += np.matmul(values[..., start : start + piece.shape[0]], piece)
        start += piece.shape[0]
    return acc


def convolve(x_padded: NDArray[np.float32], g: Geometry, w: Weights) -> NDArray[Any]:
    """The accumulators [N, OH, OW, O] of a convolution: every patch of the padded image times w [KH * KW * C, O].

    The patches are copied a few output rows at a time.
    """
    n, _, _, channels = x_padded.shape
    depth, outputs = w.shape
    if g.kernel == (1, 1) and g.strides == (1, 1):
        return matmul(x_padded.reshape(-1, channels), w).reshape(n, *g.output, outputs)
    view = patches(x_padded, g)
    height, width = g.output
    acc = np.empty((n, height, width, outputs), np.float32 if _single(w) else np.float64)
    rows = max(1, _TILE // max(1, width * depth))
    for image, image_acc in zip(view, acc, strict=True):
        for row in range(0, height, rows):
            tile = image[row : row + rows]
            image_acc[row : row + rows] = matmul(tile.reshape(-1, depth), w).reshape(*tile.shape[:2], outputs)
    return acc


def _single(w: Weights) -> bool:
    return len(w.pieces) == 1 and w.pieces[0].dtype == np.float32


def prepare_depthwise(
    w: NDArray[Any], offset: ArrayLike = 0, input_range: tuple[int, int] = (-255, 255)
) -> DepthwiseWeights:
    """Weights for `depthwise`: w integers [KH, KW, C], offset a number or [C]; see `prepare_weights`."""
    shifted = _with_offset(w, offset)
    highest, lowest = _extremes(shifted, input_range)
    bound = _bound(highest.sum(axis=(0, 1)), lowest.sum(axis=(0, 1)))
    if bound > FLOAT64_LIMIT:
        raise ValueError(f"sums of products up to {bound} are too large for an exact product")
    return DepthwiseWeights(shifted.astype(np.float32) if bound <= FLOAT32_LIMIT else shifted, bound)


def depthwise(x_patches: NDArray[Any], w: DepthwiseWeights) -> NDArray[Any]:
    """acc[n, h, w, c] = sum over i, j of x_patches[n, h, w, i, j, c] * w[i, j, c]: float array of exact integers.

    x_patches: the view [N, OH, OW, KH, KW, C] of `window.patches` on float32.
    """
    *_, kh, _, channels = x_patches.shape
    _, sh, sw, si, sj, sc = x_patches.strides
    pixel = channels * sc
    stride = sw // max(pixel, 1)
    if x_patches.size == 0 or sw != stride * pixel:
        return np.asarray(np.einsum("nhwijc,ijc->nhwc", x_patches, w.values))
    if stride == 1:
        return _rows(x_patches, x_patches.shape, (sh, si, sj), w, slice(None))
    if channels < _LONG and sj == pixel and (kh == 1 or sh % si == 0):
        return _phases(x_patches, stride, w)
    return np.asarray(np.einsum("nhwijc,ijc->nhwc", x_patches, w.values))


def _rows(
    x: NDArray[Any], shape: tuple[int, ...], strides: tuple[int, int, int], w: DepthwiseWeights, taps: slice
) -> NDArray[Any]:
    """Windows one pixel apart: they overlap in memory, so one long axis runs over a whole output row.

    strides: from one output row to the next, from one kernel row to the next, from one of `taps` to the next.
    """
    n, height, width, *_, channels = shape
    tiled = w.tiled(width, taps)
    rows = np.lib.stride_tricks.as_strided(
        x, (n, height, *tiled.shape), (x.strides[0], *strides, x.strides[-1]), writeable=False
    )
    return np.asarray(np.einsum("nhijx,ijx->nhx", rows, tiled)).reshape(n, height, width, channels)


def _phases(x_patches: NDArray[Any], stride: int, w: DepthwiseWeights) -> NDArray[Any]:
    """Windows `stride` pixels apart: every stride-th column copied together gives windows one pixel apart."""
    n, height, width, kh, kw, channels = x_patches.shape
    sn, sh, sw, si, _, sc = x_patches.strides
    step, row = (1, sh) if kh == 1 else (sh // si, si)
    acc: NDArray[Any] | None = None
    for phase in range(min(stride, kw)):
        shape = (n, (height - 1) * step + kh, width + (kw - 1 - phase) // stride, channels)
        first = x_patches[:, :, :, :, phase:]
        columns = np.ascontiguousarray(
            np.lib.stride_tricks.as_strided(first, shape, (sn, row, sw, sc), writeable=False)
        )
        line, pixel = columns.strides[1], columns.strides[2]
        product = _rows(columns, x_patches.shape, (step * line, line, pixel), w, slice(phase, None, stride))
        acc = product if acc is None else np.add(acc, product, out=acc)
    assert acc is not None
    return acc


def matmul_integers(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.int64]:
    """a [..., M, K] @ b [..., K, N] of integers, exact, as int64; leading axes broadcast.

    Raises ValueError where the products can pass 2^53.
    """
    bound = _largest(a) * _largest(b) * a.shape[-1]
    if bound > FLOAT64_LIMIT:
        raise ValueError(f"sums of products up to {bound} are too large for an exact matrix product")
    dtype = np.float32 if bound <= FLOAT32_LIMIT else np.float64
    return np.asarray(np.matmul(a.astype(dtype), b.astype(dtype)), np.int64)


def _largest(values: NDArray[Any]) -> int:
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))
