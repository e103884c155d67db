from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import COMMON, FURTHER, refused
from tests.one_op import OneOp, Operand, Result, matches_reference
from tflite_schema import BuiltinOperator, LSHProjectionOptions, LSHProjectionType

KINDS = (LSHProjectionType.SPARSE, LSHProjectionType.DENSE)


@st.composite
def lsh_projection(draw: st.DrawFn, dtype: Any) -> OneOp:
    seeds = draw(strategies.floats((draw(strategies.batch(6)), draw(st.integers(1, 31)))))
    x = draw(movement.operand(draw(movement.shape(1, 3, 5)), dtype))
    operands = [Operand(seeds, constant=draw(st.booleans())), x]
    if draw(st.booleans()):
        operands.append(Operand(draw(strategies.floats(x.value.shape[:1]))))
    options = LSHProjectionOptions(type=draw(st.sampled_from(KINDS)))
    return OneOp(BuiltinOperator.LSH_PROJECTION, operands, [Result(np.int32)], options)


CASES = movement.cases(lsh_projection, *COMMON, *FURTHER)
test_matches_reference = matches_reference(CASES)


def model(seeds: tuple[int, ...], x: Any, kind: Any, *more: Operand) -> OneOp:
    operands = [Operand(np.zeros(seeds, np.float32)), Operand(np.asarray(x)), *more]
    return OneOp(BuiltinOperator.LSH_PROJECTION, operands, [Result(np.int32)], LSHProjectionOptions(type=kind))


def test_refusals() -> None:
    x = np.zeros(3, np.int32)
    refused(model((2, 33), x, KINDS[1]), "33 bits; there may be up to 32")
    refused(model((2, 32), x, KINDS[0]), "32 bits; there may be up to 31", theirs=False)
    refused(model((2,), x, KINDS[0]), "expected two dimensions")
    refused(model((2, 3), x, LSHProjectionType.UNKNOWN), "is neither SPARSE nor DENSE")
    refused(model((2, 3), np.int32(1), KINDS[0]), "holds nothing to hash")
    refused(model((2, 3), x, KINDS[0], Operand(np.zeros(2, np.float32))), r"weights have shape \(2,\), expected \(3,\)")
