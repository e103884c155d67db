from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import (
    BuiltinOperator,
    DensifyOptions,
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


@dataclass(frozen=True)
class Sparse(OneOp):
    """A one-operator model whose constant carries a description of its sparsity."""

    sparsity: SparsityParameters | None = None
    shape: tuple[int, ...] = ()

    def model(self) -> Model:
        model = OneOp.model(self)
        tensor = model.main.tensors[0]
        tensor.shape = self.shape
        tensor.extra["sparsity"] = self.sparsity
        return model


@st.composite
def densify(draw: st.DrawFn, dtype: Any) -> OneOp:
    block = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rows, columns = draw(movement.shape(2, 2, 5))
    x = draw(movement.values((rows * block[0], columns * block[1]), dtype))
    mask = draw(movement.values((rows, 1, columns, 1), np.bool_))
    x = (x.reshape(rows, block[0], columns, block[1]) * mask).reshape(x.shape).astype(dtype)
    x.flat[0] = 1  # one value at least: a buffer without bytes is no constant
    kind = draw(st.sampled_from(list(VECTORS)))
    values, sparsity = compressed(x, block, kind)
    return Sparse(
        BuiltinOperator.DENSIFY,
        [Operand(values, constant=True)],
        [Result(dtype, shape=x.shape)],
        DensifyOptions(),
        sparsity=sparsity,
        shape=x.shape,
    )


CASES = movement.cases(densify, "float32", "int8", "float16")
test_matches_reference = matches_reference(CASES)


def test_a_hostile_description_is_refused() -> None:
    x = np.eye(4, dtype=np.float32)
    for change in ("order", "segments", "indices", "size", "levels"):
        values, sparsity = compressed(x, (2, 2), 3)
        levels = list(sparsity.dim_metadata or [])
        if change == "order":
            sparsity = sparsity.replace(traversal_order=np.array([0, 0, 2, 3], np.int32))
        elif change == "segments":
            levels[1] = levels[1].replace(array_segments=vector(3, [0, 1, 2**30]))
        elif change == "indices":
            levels[1] = levels[1].replace(array_indices=vector(3, [0, 7]))
        elif change == "size":
            levels[0] = levels[0].replace(dense_size=2**30)
        else:
            levels = levels[:3]
        sparsity = sparsity.replace(dim_metadata=levels)
        case = Sparse(
            BuiltinOperator.DENSIFY,
            [Operand(values, constant=True)],
            [Result(np.float32, shape=x.shape)],
            DensifyOptions(),
            sparsity=sparsity,
            shape=x.shape,
        )
        with pytest.raises(ModelError, match="sparse tensor: "):
            Interpreter(case.model()).run([])


def test_refusals() -> None:
    x = Operand(np.zeros((2, 2), np.float32))
    refused(OneOp(BuiltinOperator.DENSIFY, [x], [Result(np.float32)], DensifyOptions()), "must be a constant")
