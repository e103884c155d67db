from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, FakeQuantOptions


@st.composite
def fake_quant(draw: st.DrawFn, dtype: Any) -> OneOp:
    x = draw(movement.operand(draw(movement.shape(1, 4)), dtype))
    ends = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 6.0, 127.5, 255.0]), st.floats(0.0, 10.0, width=32))
    low, high = -draw(ends), draw(ends)
    if high - low < 1e-3:
        high = 1.0
    options = FakeQuantOptions(min=low, max=high, num_bits=draw(st.integers(1, 16)))
    return OneOp(BuiltinOperator.FAKE_QUANT, [x], [Result(np.float32)], options)


CASES = movement.cases(fake_quant, "float32")
test_matches_reference = matches_reference(CASES)


def model(low: float, high: float, bits: int = 8, **options: Any) -> OneOp:
    x = Operand(np.linspace(-2, 2, 4097, dtype=np.float32))
    table = FakeQuantOptions(min=low, max=high, num_bits=bits, **options)
    return OneOp(BuiltinOperator.FAKE_QUANT, [x], [Result(np.float32)], table)


def test_ties_go_away_from_the_low_end() -> None:
    assert check(model(-1.0, 2**-7 * 127)) == 4097


def test_refusals() -> None:
    refused(model(-1.0, 1.0, narrow_range=True), "narrow_range has no kernel")
    refused(model(0.5, 1.0), "must enclose 0", theirs=False)
    refused(model(-1.0, 1.0, 0), "num_bits 0 is outside", theirs=False)
    refused(model(0.0, 0.0), "must enclose 0", theirs=False)
    refused(model(float("-inf"), 1.0), "leave no step", theirs=False)
