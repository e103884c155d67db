from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement, strategies
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tests.stablehlo import FLOATS, INTEGERS, region, values
from tflite_schema import AddOptions, BuiltinOperator, StablehloScatterOptions

CODE = BuiltinOperator.STABLEHLO_SCATTER
REGIONS = (
    None,
    BuiltinOperator.STABLEHLO_ADD,
    BuiltinOperator.STABLEHLO_MULTIPLY,
    BuiltinOperator.STABLEHLO_MAXIMUM,
    BuiltinOperator.STABLEHLO_MINIMUM,
)


def options(**values: Any) -> StablehloScatterOptions:
    arrays: dict[str, Any] = {
        name: value if name == "index_vector_dim" else np.array(value, np.int64) for name, value in values.items()
    }
    return StablehloScatterOptions(**arrays, update_computation_subgraph_index=1)


@st.composite
def scatter(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 5))
    rank = len(shape)
    mapped = draw(st.permutations(range(rank)))[: draw(st.integers(1, rank))]
    inserted = sorted(axis for axis in range(rank) if draw(st.booleans()))
    window = [draw(st.integers(1, shape[axis])) for axis in range(rank) if axis not in inserted]
    batch = list(draw(st.one_of(st.just(()), strategies.shapes(1), strategies.shapes(2))))
    vector = draw(st.integers(0, len(batch)))
    index_shape = (*batch[:vector], len(mapped), *batch[vector:])
    drawn = draw(strategies.integers(index_shape, draw(st.sampled_from([np.int32, np.int64])), 0, 5))
    window_dims = draw(st.permutations(range(len(batch) + len(window))))[: len(window)]
    sizes, left = dict(zip(window_dims, window, strict=True)), iter(batch)
    updates = tuple(sizes[axis] if axis in sizes else next(left) for axis in range(len(batch) + len(window)))
    chosen = options(
        update_window_dims=window_dims,
        inserted_window_dims=inserted,
        scatter_dims_to_operand_dims=mapped,
        index_vector_dim=vector,
    )
    x = draw(movement.operand(shape, dtype))
    operands = [
        Operand(draw(values(shape, dtype)), x.scale, x.zero_point),
        Operand(drawn, constant=draw(st.booleans())),
        Operand(draw(values(updates, dtype)), x.scale, x.zero_point),
    ]
    graph = region(draw(st.sampled_from(REGIONS)), dtype)
    return OneOp(CODE, operands, [movement.like(x)], chosen, graphs=[graph])


CASES = movement.cases(scatter, *FLOATS, *INTEGERS)
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(6, dtype=np.float32).reshape(3, 2))
ROWS = {
    "update_window_dims": [1],
    "inserted_window_dims": [0],
    "scatter_dims_to_operand_dims": [0],
    "index_vector_dim": 1,
}


def model(index: Any, updates: Any, code: BuiltinOperator | None = None, **changed: Any) -> OneOp:
    operands = [X, constant(index, changed.pop("dtype", np.int32)), constant(updates, np.float32)]
    graph = region(code, np.float32, AddOptions() if code == BuiltinOperator.ADD else None)
    return OneOp(CODE, operands, [movement.like(X)], options(**{**ROWS, **changed}), graphs=[graph])


def test_by_hand() -> None:
    case = model([[2], [2], [3]], [[1, 2], [3, 4], [5, 6]], BuiltinOperator.STABLEHLO_ADD)
    assert check(case) == 6
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[0, 1], [2, 3], [8, 11]]


def test_the_last_of_two_writes_stays() -> None:
    case = model([[1], [1]], [[7, 8], [9, 10]])
    assert check(case) == 6
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[0, 1], [9, 10], [4, 5]]


def test_nan_updates_lose() -> None:
    for code in (BuiltinOperator.STABLEHLO_MAXIMUM, BuiltinOperator.STABLEHLO_MINIMUM):
        assert check(model([[1], [1]], [[np.nan, np.nan], [np.nan, 3]], code)) == 6


def test_refusals() -> None:
    one = [[1, 2]]
    refused(model([[0]], one, BuiltinOperator.ADD), "updates combined by ADD; TFLite knows STABLEHLO_ADD")
    refused(model([[0]], one, dtype=np.int16), "indices of type INT16")
    refused(model([[0], [1]], one), "updates for indices of shape", theirs=False)
    refused(model([[0]], one, update_window_dims=[2]), "update_window_dims", theirs=False)
    refused(model([[0]], one, inserted_window_dims=[]), "make no window of 2", theirs=False)
    refused(model([[0]], one, scatter_dims_to_operand_dims=[2]), "scatter_dims_to_operand_dims", theirs=False)
    refused(model([[-1]], one), "a window starts at -1", theirs=False)
    refused(model([[0]], one, index_vector_dim=2), "hold no vectors", theirs=False)
    alone = model([[0]], one)
    refused(OneOp(CODE, alone.operands, alone.results, alone.options), "subgraph 1 does not exist")
