from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.numerics import packing


def unpack_model(data: bytes, count: int, bits: int) -> list[int]:
    fields = [(byte >> shift) % 2**bits for byte in data for shift in range(0, 8, bits)]
    return [f - 2**bits if f >= 2 ** (bits - 1) else f for f in fields][:count]


@given(st.binary(max_size=9), st.integers(0, 40))
def test_unpack(data: bytes, count: int) -> None:
    packed = np.frombuffer(data, np.uint8)
    for bits, function in ((4, packing.unpack_int4), (2, packing.unpack_int2)):
        if count * bits > len(data) * 8:
            with pytest.raises(ValueError, match="bytes"):
                function(packed, count)
        else:
            values = function(packed, count)
            assert values.dtype == np.int8
            assert values.tolist() == unpack_model(data, count, bits)


@given(st.lists(st.integers(-8, 7), max_size=9), st.lists(st.integers(-2, 1), max_size=9))
def test_pack_is_the_inverse(four: list[int], two: list[int]) -> None:
    unsigned = [number + 8 for number in four]
    assert packing.unpack_uint4(packing.pack_uint4(np.array(unsigned, np.uint8)), len(unsigned)).tolist() == unsigned
    assert packing.unpack_int4(packing.pack_int4(np.array(four, np.int8)), len(four)).tolist() == four
    assert packing.unpack_int2(packing.pack_int2(np.array(two, np.int8)), len(two)).tolist() == two
    assert len(packing.pack_int4(np.array(four, np.int8))) == (len(four) + 1) // 2
    assert len(packing.pack_int2(np.array(two, np.int8))) == (len(two) + 3) // 4


def test_first_number_is_in_the_low_bits() -> None:
    assert packing.pack_int4(np.array([1, -1, 7])).tolist() == [0xF1, 0x07]
    assert packing.pack_int2(np.array([1, -1, 0, -2, 1])).tolist() == [0b10001101, 0b01]


def test_uint4_has_no_sign() -> None:
    values = packing.unpack_uint4(np.array([0xF1, 0x08], np.uint8), 3)
    assert values.dtype == np.int8
    assert values.tolist() == [1, 15, 8]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        packing.pack_int4(np.array([8]))
    with pytest.raises(ValueError, match="do not fit"):
        packing.pack_int2(np.array([-3]))
    with pytest.raises(ValueError, match="do not fit"):
        packing.pack_uint4(np.array([16]))
    with pytest.raises(ValueError, match="do not fit"):
        packing.pack_uint4(np.array([-1]))
