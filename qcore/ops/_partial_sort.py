"""The order std::partial_sort gives equal elements: that of libstdc++'s heap, which TFLite's results show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["largest_first"]


def largest_first(values: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Column indices [rows, count] of the largest values of each row of values [rows, columns], largest first.

    Rows in which equal values leave the order open are sorted as partial_sort does; with count 1 the first one wins.
    """
    if count == 1:
        return np.asarray(values.argmax(axis=1)[:, np.newaxis])
    order = np.argsort(-values, axis=1, kind="stable")
    best = np.take_along_axis(values, order[:, : count + 1], axis=1)
    for row in np.flatnonzero((best[:, 1:] == best[:, :-1]).any(axis=1)):
        order[row, :count] = _partial_sort(values[row].tolist(), count)
    return order[:, :count]


def _partial_sort(values: list[float], count: int) -> list[int]:
    """Indices of the `count` largest values, largest first: heap_select, then sort_heap."""
    heap = list(range(count))
    for root in range((count - 2) // 2, -1, -1):
        _sift(heap, values, root, count, heap[root])
    for index in range(count, len(values)):
        if values[index] > values[heap[0]]:
            _sift(heap, values, 0, count, index)
    for end in range(count - 1, 0, -1):
        last, heap[end] = heap[end], heap[0]
        _sift(heap, values, 0, end, last)
    return heap


def _sift(heap: list[int], values: list[float], hole: int, size: int, index: int) -> None:
    """Move the hole down to a leaf along the smaller children, then `index` up from there (__adjust_heap)."""
    top, child = hole, hole
    while child < (size - 1) // 2:
        child = 2 * (child + 1)
        if values[heap[child]] > values[heap[child - 1]]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    if size % 2 == 0 and child == (size - 2) // 2:
        child = 2 * (child + 1)
        heap[hole] = heap[child - 1]
        hole = child - 1
    parent = (hole - 1) // 2
    while hole > top and values[heap[parent]] > values[index]:
        heap[hole] = heap[parent]
        hole, parent = parent, (parent - 1) // 2
    heap[hole] = index
