"""Sparse constants for tests: what a file stores of a matrix, and how it says where the numbers belong."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflite_schema import (
    DimensionMetadata,
    DimensionType,
    Int32Vector,
    SparsityParameters,
    Uint8Vector,
    Uint16Vector,
)

VECTORS = {1: (Uint8Vector, np.uint8), 2: (Uint16Vector, np.uint16), 3: (Int32Vector, np.int32)}


def vector(kind: int, values: Any) -> Any:
    table, dtype = VECTORS[kind]
    return table(values=np.asarray(values, dtype))


def compressed(x: Any, block: tuple[int, int], kind: int, dense_rows: bool = True) -> tuple[Any, SparsityParameters]:
    """The stored values and description of a matrix: rows of blocks, those that are all zero left out."""
    rows, columns = x.shape[0] // block[0], x.shape[1] // block[1]
    blocks = x.reshape(rows, block[0], columns, block[1]).transpose(0, 2, 1, 3)
    kept = (blocks != 0).any(axis=(2, 3))
    segments = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    dense = DimensionMetadata(format=DimensionType.DENSE, dense_size=rows)
    sparse = DimensionMetadata(
        format=DimensionType.SPARSE_CSR,
        array_segments=vector(kind, segments),
        array_indices=vector(kind, np.nonzero(kept)[1]),
    )
    inner = [DimensionMetadata(format=DimensionType.DENSE, dense_size=size) for size in block]
    sparsity = SparsityParameters(
        traversal_order=np.arange(4, dtype=np.int32),
        block_map=np.arange(2, dtype=np.int32),
        dim_metadata=[dense, sparse, *inner],
    )
    return blocks[kept], sparsity


def rows_of_blocks(x: Any, size: int, kind: int = 3) -> tuple[Any, SparsityParameters]:
    """The same for blocks of `size` columns of one row, and one number of columns for size 1: TFLite's own formats."""
    blocks, sparsity = compressed(x, (1, size), kind)
    levels = list(sparsity.dim_metadata or [])
    inner = [] if size == 1 else [levels[3]]
    order = np.arange(2 + len(inner), dtype=np.int32)
    block_map = np.ones(len(inner), np.int32)
    return blocks, sparsity.replace(traversal_order=order, block_map=block_map, dim_metadata=[*levels[:2], *inner])
