"""Sparse constants: nested levels of coordinates, dense or listed, written out in full.

A level covers a dimension of the tensor, or a block dimension, which subdivides one of them. Level by level every node
gets children: `size` of them at a dense level, those of its segment at a sparse one. The leaves carry the values.

TFLite: internal/utils/sparsity_format_converter.cc
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Int64Array = NDArray[np.int64]


_MOST_ELEMENTS = 1 << 28
_LEAST_NODES = 1 << 20  # nodes a level may have however few values there are: a damaged file must not exhaust memory


@dataclass(frozen=True, slots=True)
class Level:
    """A dense level of `size` children each, or (segments given) a sparse one: node p has indices[segments[p]...]."""

    size: int = 0
    segments: Int64Array | None = None
    indices: Int64Array | None = None


def densify(
    values: Array, shape: Sequence[int], order: Sequence[int], block_map: Sequence[int], levels: Sequence[Level]
) -> Array:
    """The tensor of `shape` whose leaves are `values`, 0 elsewhere.

    order: the dimension each level covers; one of rank or above is block dimension `d - rank`, which subdivides
    block_map[d - rank]. Raises ValueError where these do not describe `shape` and `values`.
    """
    rank = len(shape)
    _require(len(levels) == len(order) == rank + len(block_map), "levels, traversal order and block map differ")
    _require(sorted(order) == list(range(len(order))), "the traversal order names a dimension twice")
    _require(len(set(block_map)) == len(block_map) and all(0 <= d < rank for d in block_map), "a bad block map")
    _require(math.prod(shape) <= _MOST_ELEMENTS, f"more than {_MOST_ELEMENTS} elements")
    most = min(math.prod(shape), max(_LEAST_NODES, 64 * values.size))
    parent = np.zeros(1, np.int64)
    coordinates: dict[int, Int64Array] = {}
    for dimension, level in zip(order, levels, strict=True):
        source, coordinate, parent = _children(parent, level, most)
        coordinates = {key: value[source] for key, value in coordinates.items()}
        coordinates[dimension] = coordinate
    _require(len(parent) == values.size, f"{values.size} values for {len(parent)} places")
    index = []
    for dimension, size in enumerate(shape):
        place = coordinates[dimension]
        if dimension in block_map:
            block = rank + list(block_map).index(dimension)
            extent = levels[list(order).index(block)].size
            _require(extent > 0 and size % extent == 0, f"dimension {dimension} is no multiple of its block")
            place = place * extent + coordinates[block]
        _require(bool(((place >= 0) & (place < size)).all()), f"a place lies outside dimension {dimension}")
        index.append(place)
    y = np.zeros(tuple(shape), values.dtype)
    y[tuple(index)] = values.reshape(-1) if rank else values.reshape(())
    return y


def _children(parent: Int64Array, level: Level, most: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """For the nodes of a level: the position of each one's parent, its coordinate, and its own number."""
    if level.segments is None or level.indices is None:
        _require(level.size >= 0 and len(parent) * level.size <= most, "a level has too many nodes")
        source = np.repeat(np.arange(len(parent)), level.size)
        coordinate = np.tile(np.arange(level.size), len(parent))
        return source, coordinate, parent[source] * level.size + coordinate
    _require(not len(parent) or int(parent.max()) + 1 < len(level.segments), "a level has too few segments")
    first, last = level.segments[parent], level.segments[parent + 1]
    ordered = (first >= 0) & (first <= last) & (last <= len(level.indices))
    _require(bool(ordered.all()), "a segment leaves the indices")
    counts = last - first
    _require(int(counts.sum()) <= most, "a level has too many nodes")
    source = np.repeat(np.arange(len(parent)), counts)
    number = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts) + first[source]
    return source, level.indices[number], number


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"sparse tensor: {message}")
