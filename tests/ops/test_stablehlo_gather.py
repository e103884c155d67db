from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from tests import movement, strategies
from tests.movement import constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import FLOATS, INTEGERS
from tflite_schema import BuiltinOperator, StablehloGatherOptions

CODE = BuiltinOperator.STABLEHLO_GATHER


def options(**values: Any) -> StablehloGatherOptions:
    arrays: dict[str, Any] = {
        name: value if name == "index_vector_dim" else np.array(value, np.int64) for name, value in values.items()
    }
    return StablehloGatherOptions(**arrays)


@st.composite
def gather(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 5))
    rank = len(shape)
    order = draw(st.permutations(range(rank)))
    mapped = order[: draw(st.integers(1, rank))]
    collapsed = sorted(axis for axis in range(rank) if draw(st.booleans()))
    sizes = [1 if axis in collapsed else draw(st.integers(1, shape[axis])) for axis in range(rank)]
    batch = list(draw(st.one_of(st.just(()), strategies.shapes(1), strategies.shapes(2))))
    vector = draw(st.integers(0, len(batch)))
    index_shape = (*batch[:vector], len(mapped), *batch[vector:])
    drawn = draw(strategies.integers(index_shape, draw(st.sampled_from([np.int32, np.int64])), 0, 7))
    window = [size for axis, size in enumerate(sizes) if axis not in collapsed]
    result_rank = len(batch) + len(window)
    offset = sorted(draw(st.permutations(range(result_rank)))[: len(window)])
    chosen = options(
        offset_dims=offset,
        collapsed_slice_dims=collapsed,
        start_index_map=mapped,
        index_vector_dim=vector,
        slice_sizes=sizes,
    )
    x = draw(movement.operand(shape, dtype))
    y = Result(dtype, x.scale, x.zero_point, shape=(1,) * result_rank)
    return OneOp(CODE, [x, Operand(drawn, constant=draw(st.booleans()))], [y], chosen)


CASES = movement.cases(gather, *FLOATS, *(name for name in INTEGERS if name != "bool"))
test_matches_reference = matches_reference(CASES)

X = Operand(np.arange(12, dtype=np.float32).reshape(3, 4))
ROWS = {
    "offset_dims": [1],
    "collapsed_slice_dims": [0],
    "start_index_map": [0],
    "index_vector_dim": 1,
    "slice_sizes": [1, 4],
}


def model(index: Any, *, dtype: Any = np.int32, rank: int = 2, x: Operand = X, **changed: Any) -> OneOp:
    result = Result(x.value.dtype, shape=(1,) * rank)
    return OneOp(CODE, [x, constant(index, dtype)], [result], options(**{**ROWS, **changed}))


def test_windows_that_end_outside_are_moved_back() -> None:
    case = model([[2, 3]], offset_dims=[1, 2], collapsed_slice_dims=[], start_index_map=[0, 1], slice_sizes=[2, 2])
    case = OneOp(case.code, case.operands, [Result(np.float32, shape=(1, 1, 1))], case.options)
    assert check(case) == 4
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[[6, 7], [10, 11]]]


def test_refusals() -> None:
    assert check(model([[2], [0]])) == 8
    refused(model([[0], [-1]]), "a window starts at -1", theirs=False)
    refused(model([[0]], dtype=np.int16), "indices of type INT16")
    refused(model([[0]], slice_sizes=[1]), "slice_sizes has 1 values, expected 2", theirs=False)
    refused(model([[0]], slice_sizes=[1, 5]), "do not fit", theirs=False)
    refused(model([[0]], slice_sizes=[2, 4]), "collapsed dimensions", theirs=False)
    refused(model([[0]], start_index_map=[2]), "start_index_map", theirs=False)
    refused(model([[0]], start_index_map=[0, 1]), "hold no vectors of 2", theirs=False)
    refused(model([[0]], index_vector_dim=2), "hold no vectors", theirs=False)
    refused(model([[0]], offset_dims=[0, 1]), "2 offset_dims for windows of 1", theirs=False)
    refused(model([[0]], rank=3), "the result has 3 dimensions; there are 2", theirs=False)
    wide = Operand(np.zeros((3, 4), np.complex128))
    refused(model([[0]], x=wide), "no complex128 kernel")
