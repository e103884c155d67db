from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement, strategies
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, CombinerType, EmbeddingLookupSparseOptions

CODE = BuiltinOperator.EMBEDDING_LOOKUP_SPARSE


@st.composite
def lookup(draw: st.DrawFn) -> OneOp:
    dense = draw(strategies.shapes(draw(st.integers(1, 3)), 4))
    table = draw(strategies.shapes(draw(st.integers(2, 3)), 5))
    count = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indices = rng.integers(0, dense, (count, len(dense))).astype(np.int32)
    if draw(st.booleans()):
        indices = indices[np.lexsort(indices.T[::-1])]
    operands = [
        Operand(rng.integers(0, table[0], count).astype(np.int32), constant=draw(st.booleans())),
        Operand(indices, constant=draw(st.booleans())),
        draw(movement.indices(dense)),
        Operand(draw(strategies.floats((count,))), constant=draw(st.booleans())),
        Operand(draw(strategies.floats(table))),
    ]
    options = EmbeddingLookupSparseOptions(combiner=draw(st.sampled_from(tuple(CombinerType))))
    return OneOp(CODE, operands, [Result(np.float32)], options)


CASES = {"float32": lookup()}
test_matches_reference = matches_reference(CASES)


def model(
    combiner: CombinerType = CombinerType.MEAN,
    *,
    ids: Any = (1, 3, 0, 1),
    indices: Any = ((0, 0), (0, 1), (1, 0), (2, 3)),
    dense: Any = (3, 4),
    weights: Any = (2.0, 0.5, 1.0, 3.0),
    table: Any = None,
) -> OneOp:
    rows = np.arange(8, dtype=np.float32).reshape(4, 2) if table is None else table
    operands = [
        constant(ids),
        constant(indices),
        constant(dense),
        constant(weights, np.float32),
        Operand(rows),
    ]
    return OneOp(CODE, operands, [Result(np.float32)], EmbeddingLookupSparseOptions(combiner=combiner))


def test_by_hand() -> None:
    case = model(weights=(2, 2, 1, 3))
    assert check(case) == 6
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[4, 5], [0, 1], [2, 3]]


def test_no_lookups() -> None:
    for combiner in CombinerType:
        empty = model(combiner, ids=[], indices=np.zeros((0, 2)), weights=[])
        assert check(empty) == 6


def test_an_example_that_comes_back_is_divided_again() -> None:
    for combiner in CombinerType:
        assert check(model(combiner, indices=((0, 0), (1, 0), (0, 1), (1, 1)))) == 6


def test_weights_that_sum_to_zero() -> None:
    assert check(model(weights=(1, -1, 0, 0))) == 6


def test_refusals() -> None:
    refused(model(ids=(1, 4, 0, 1)), r"index 4 at \(1,\) is outside \[0, 4\)")
    refused(model(indices=((0, 0), (0, 1), (1, 0), (3, 3))), r"index 3 at \(3, 0\) is outside \[0, 3\)", theirs=False)
    refused(model(dense=(3, 4, 5)), "a dense shape of shape")
    refused(model(dense=(-3, 4)), "negative", theirs=False)
    refused(model(weights=(1.0, 2.0)), "ids, indices and weights have shapes")
    refused(model(table=np.zeros(4, np.float32)), "two dimensions or more")
    refused(model(table=np.zeros((4, 2), np.int8)), "no int8 kernel", theirs=False)
