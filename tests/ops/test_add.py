from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import strategies
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import ActivationFunctionType, AddOptions, BuiltinOperator


@st.composite
def quantized(draw: st.DrawFn, dtype: Any, code: BuiltinOperator = BuiltinOperator.ADD) -> OneOp:
    left, right = draw(strategies.broadcast_pair())
    a_scale, b_scale = draw(strategies.scales()), draw(strategies.scales())
    # TFLite requires the result's scale to be above 2 max(sa, sb) / 2^20.
    y_scale = draw(st.one_of(st.just(a_scale), strategies.scales())) + max(a_scale, b_scale) * 2**-14
    return OneOp(
        code,
        [
            Operand(draw(strategies.integers(left, dtype)), a_scale, draw(strategies.zero_points(dtype))),
            Operand(draw(strategies.integers(right, dtype)), b_scale, draw(strategies.zero_points(dtype))),
        ],
        [Result(dtype, y_scale, draw(strategies.zero_points(dtype)))],
        AddOptions(fused_activation_function=draw(strategies.FUSED)),
        version=2,
    )


@st.composite
def plain(draw: st.DrawFn, dtype: Any) -> OneOp:
    left, right = draw(strategies.broadcast_pair())
    values = strategies.floats if dtype is np.float32 else lambda shape: strategies.integers(shape, dtype)
    return OneOp(
        BuiltinOperator.ADD,
        [Operand(draw(values(left))), Operand(draw(values(right)))],
        [Result(dtype)],
        AddOptions(fused_activation_function=draw(strategies.FUSED)),
    )


CASES = {
    "float32": plain(np.float32),
    "int32": plain(np.int32),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
}
test_matches_reference = matches_reference(CASES)


def test_equal_scales_tie() -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    a, b = np.meshgrid(values, values)
    options = AddOptions(fused_activation_function=ActivationFunctionType.NONE)
    case = OneOp(BuiltinOperator.ADD, [Operand(a, 0.5), Operand(b, 0.5)], [Result(np.int8, 1.0)], options, 2)
    assert check(case) == 256 * 256
