from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.interpreter import Interpreter
from tests import movement, strategies
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, MirrorPadMode, MirrorPadOptions


@st.composite
def mirror_pad(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(1, 5)), 4))
    mode = draw(st.sampled_from([MirrorPadMode.REFLECT, MirrorPadMode.SYMMETRIC]))
    most = [size - (mode == MirrorPadMode.REFLECT) for size in shape]
    table = np.array([[draw(st.integers(0, min(m, 3))), draw(st.integers(0, min(m, 3)))] for m in most])
    x = draw(movement.operand(shape, dtype))
    operands = [x, draw(movement.indices(table, (np.int32, np.int64)))]
    return OneOp(BuiltinOperator.MIRROR_PAD, operands, [movement.like(x)], MirrorPadOptions(mode=mode))


CASES = movement.cases(mirror_pad, *COMMON)
test_matches_reference = matches_reference(CASES)


def model(x: Operand, table: Any, mode: MirrorPadMode, result: Result | None = None) -> OneOp:
    y = result or movement.like(x)
    return OneOp(BuiltinOperator.MIRROR_PAD, [x, constant(table)], [y], MirrorPadOptions(mode=mode))


def test_by_hand() -> None:
    x = Operand(np.array([1, 2, 3], np.int32))
    reflect = Interpreter(model(x, [[2, 2]], MirrorPadMode.REFLECT).model()).run(x.value)[0]
    symmetric = Interpreter(model(x, [[3, 1]], MirrorPadMode.SYMMETRIC).model()).run(x.value)[0]
    assert reflect.tolist() == [3, 2, 1, 2, 3, 2, 1]
    assert symmetric.tolist() == [3, 2, 1, 1, 2, 3, 3]


def test_refusals() -> None:
    x = Operand(np.array([1, 2, 3], np.int8), 0.5, 1)
    # TF 2.21 reads outside the operand here; later versions refuse as we do.
    refused(model(x, [[3, 0]], MirrorPadMode.REFLECT), r"paddings \(3, 0\) of dimension 3 exceed", theirs=False)
    refused(model(x, [[4, 0]], MirrorPadMode.SYMMETRIC), "exceed its image", theirs=False)
    refused(model(x, [[1, 0]], MirrorPadMode.REFLECT, Result(np.int8, 0.5, 2)), "values are only moved")
    refused(model(x, [[1, 0], [0, 0]], MirrorPadMode.REFLECT), "expected")
    refused(model(Operand(np.zeros(2, np.int16), 0.5, 3), [[1, 0]], MirrorPadMode.SYMMETRIC), "zero points must be 0")
