from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tests.sparsity import VECTORS, compressed, vector
from tflite_schema import BuiltinOperator, DensifyOptions, SparsityParameters


@st.composite
def densify(draw: st.DrawFn, dtype: Any) -> OneOp:
    block = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rows, columns = draw(movement.shape(2, 2, 5))
    x = draw(movement.values((rows * block[0], columns * block[1]), dtype))
    mask = draw(movement.values((rows, 1, columns, 1), np.bool_))
    x = (x.reshape(rows, block[0], columns, block[1]) * mask).reshape(x.shape).astype(dtype)
    x.flat[0] = 1  # one value at least: a buffer without bytes is no constant
    kind = draw(st.sampled_from([kind for kind in VECTORS if rows * columns < 256 ** min(kind, 2)]))
    values, sparsity = compressed(x, block, kind)
    return model(values, sparsity, x.shape)


def model(values: Any, sparsity: SparsityParameters, shape: tuple[int, ...]) -> OneOp:
    x = Operand(values, constant=True, sparsity=sparsity, shape=shape)
    return OneOp(BuiltinOperator.DENSIFY, [x], [Result(values.dtype, shape=shape)], DensifyOptions())


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
        with pytest.raises(ModelError, match="sparse tensor: "):
            Interpreter(model(values, sparsity, x.shape).model()).run([])


def test_refusals() -> None:
    x = Operand(np.zeros((2, 2), np.float32))
    refused(OneOp(BuiltinOperator.DENSIFY, [x], [Result(np.float32)], DensifyOptions()), "must be a constant")
