"""Random LSTM cells for one-operator models: float, hybrid (int8 weights) and integer, with every optional part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests import strategies
from tests.one_op import Operand, Result

Array = NDArray[Any]
RATIOS = st.one_of(
    st.integers(0, 6).map(lambda e: 2.0**-e),
    st.integers(1, 64).map(lambda k: k / 64),
    st.floats(2.0**-6, 1.0, width=32),
)
"""Real multipliers, many of which tie."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a cell and its optional parts."""

    batch: int
    time: int
    inputs: int
    units: int
    outputs: int
    cifg: bool
    peephole: bool
    projection: bool
    projection_bias: bool
    layer_norm: bool
    uint8_weights: bool = False  # hybrid weights that say uint8 and are read as int8

    @property
    def gates(self) -> list[bool]:
        return [not self.cifg, True, True, True]


@st.composite
def shapes(draw: st.DrawFn, *, layer_norm: bool = True) -> Shape:
    units = draw(st.one_of(st.integers(1, 9), st.sampled_from([16, 17, 33])))
    projection = draw(st.booleans())
    return Shape(
        draw(strategies.batch()),
        draw(st.integers(1, 4)),
        draw(st.one_of(st.integers(1, 7), st.sampled_from([8, 19]))),
        units,
        draw(st.integers(1, units)) if projection else units,  # more outputs than units overrun TFLite's buffers
        draw(st.booleans()),
        draw(st.booleans()),
        projection,
        projection and draw(st.booleans()),
        layer_norm and draw(st.booleans()),
        draw(st.sampled_from([False, False, True])),
    )


def constant(value: Array, scale: Any = None, zero_point: int = 0) -> Operand:
    return Operand(value, scale, zero_point, constant=True)


def state(shape: tuple[int, ...], dtype: Any, scale: Any = None, zero_point: int = 0) -> Operand:
    return Operand(np.zeros(shape, dtype), scale, zero_point, variable=True)


def float_cell(draw: st.DrawFn, s: Shape, *, hybrid: bool = False, diagonal: bool = False) -> list[Operand | None]:
    """Operands 1 ... 23 of a float or hybrid LSTM."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))
    fixed, flat_state = hybrid or draw(st.booleans()), draw(st.booleans())

    def values(*shape: int, spread: float = 1.0) -> Array:
        return rng.normal(0, spread, shape).astype(np.float32)

    def weight(*shape: int) -> Operand:
        if hybrid:
            integers = rng.integers(-127, 128, shape).astype(np.int8)
            return constant(
                integers.view(np.uint8) if s.uint8_weights else integers, np.float32(rng.uniform(0.002, 0.02))
            )
        return Operand(values(*shape, spread=1.2 / shape[-1] ** 0.5), constant=fixed)

    def memory(size: int) -> Operand:
        return state((s.batch * size,) if flat_state else (s.batch, size), np.float32)

    def recurrent() -> Operand:
        if diagonal and rng.random() < 0.5:
            return constant(values(s.units))
        return weight(s.units, s.outputs)

    def vector(*, there: bool = True) -> Operand | None:
        return constant(values(s.units)) if there else None

    gates = s.gates
    return [
        *[weight(s.units, s.inputs) if gate else None for gate in gates],
        *[recurrent() if gate else None for gate in gates],
        *[weight(s.units) if s.peephole and gates[g] else None for g in (0, 1, 3)],
        *[vector(there=gate) for gate in gates],
        weight(s.outputs, s.units) if s.projection else None,
        constant(values(s.outputs)) if s.projection_bias else None,
        memory(s.outputs),
        memory(s.units),
        *[vector(there=s.layer_norm and gate) for gate in gates],
    ]


@dataclass(frozen=True)
class IntegerLstm:
    """An 8x8_16 LSTM: its operands 1 ... 23, the result, the intermediate tensors, and the operand's scale."""

    operands: list[Operand | None]
    result: Result
    intermediates: list[Result]


def integer_cell(draw: st.DrawFn, s: Shape, x_scale: float) -> IntegerLstm:
    """A cell whose gates stay mostly inside their range; its multipliers tie where scales are powers of two."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))
    norm = s.layer_norm
    gate_scales = [np.float32(draw(RATIOS) * 2**-10 if norm else 2.0**-12) for _ in range(4)]
    hidden_scale = draw(st.one_of(st.sampled_from([2.0**-7, 2.0**-8, 1 / 127]), st.floats(2.0**-9, 2.0**-5, width=32)))
    hidden_zero = draw(strategies.zero_points(np.int8))
    same = not s.projection and draw(st.booleans())
    h_scale = hidden_scale if same else draw(st.sampled_from([2.0**-7, 2.0**-6, 0.01]))
    h_zero = hidden_zero if same else draw(strategies.zero_points(np.int8))
    exponent = draw(st.integers(-15, -9))

    def weight(rows: int, columns: int, scale: float, out: float) -> Operand:
        ratio = draw(RATIOS) / max(1.0, columns**0.5 / 2)
        values = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
        return constant(values, np.float32(ratio * out / scale))

    def peephole(gate: int) -> Operand:
        values = rng.integers(-32768, 32768, s.units).astype(np.int16)
        return constant(values, np.float32(draw(RATIOS) * 2.0**-14 * gate_scales[gate] / 2.0**exponent))

    def bias(size: int, spread: int) -> Operand:
        return constant(rng.integers(-spread, spread, size).astype(np.int32))

    def coefficients() -> Operand:
        return constant(rng.integers(-32768, 32768, s.units).astype(np.int16), np.float32(draw(RATIOS) * 2.0**-13))

    gates = s.gates
    operands: list[Operand | None] = [
        *[weight(s.units, s.inputs, x_scale, float(gate_scales[g])) if gates[g] else None for g in range(4)],
        *[weight(s.units, s.outputs, h_scale, float(gate_scales[g])) if gates[g] else None for g in range(4)],
        *[peephole(g) if s.peephole and gates[g] else None for g in (0, 1, 3)],
        *[bias(s.units, 1 << 20 if norm else 20000) if gate else None for gate in gates],
        weight(s.outputs, s.units, hidden_scale * 50, h_scale) if s.projection else None,
        bias(s.outputs, 2000) if s.projection_bias else None,
        state((s.batch, s.outputs), np.int8, h_scale, h_zero),
        state((s.batch, s.units), np.int16, 2.0**exponent),
        *[coefficients() if norm and gate else None for gate in gates],
    ]
    intermediates = [Result(np.int16, scale) if norm else Result(np.float32) for scale in gate_scales]
    intermediates.append(Result(np.int8, hidden_scale, hidden_zero))
    return IntegerLstm(operands, Result(np.int8, h_scale, h_zero), intermediates)


def integer8_cell(draw: st.DrawFn, s: Shape, x_scale: float) -> IntegerLstm:
    """An 8x8_8 LSTM: with layer normalization, projection and bias; an input gate, where there is one, is ignored."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))
    h_scale, h_zero = draw(st.sampled_from([2.0**-7, 2.0**-6, 0.01])), draw(strategies.zero_points(np.int8))
    intermediates: list[Result] = [Result(np.int8, 1.0, 0)] * 3
    parts = []
    for _ in range(3):
        total = draw(RATIOS) * 2.0**-10
        part = [total * 2.0 ** draw(st.integers(0, 6)) * draw(RATIOS) for _ in range(2)]
        zeros = [draw(strategies.zero_points(np.int8)) for _ in range(2)]
        intermediates += [Result(np.int16, total), *(Result(np.int8, p, z) for p, z in zip(part, zeros, strict=True))]
        parts.append(part)

    def weight(rows: int, columns: int, scale: float, out: float) -> Operand:
        values = rng.integers(-128, 128, (rows, columns)).astype(np.int8)
        return constant(values, np.float32(draw(RATIOS) * 2.0**-5 * out / scale))

    def integers(size: int, spread: int, dtype: Any, scale: Any = None) -> Operand:
        return constant(rng.integers(-spread, spread, size).astype(dtype), scale)

    norms = [integers(s.units, 32768, np.int16, np.float32(draw(RATIOS) * 2.0**-13)) for _ in range(3)]
    gate = not s.cifg
    operands: list[Operand | None] = [
        weight(s.units, s.inputs, x_scale, 1.0) if gate else None,
        *[weight(s.units, s.inputs, x_scale, part[0]) for part in parts],
        weight(s.units, s.outputs, h_scale, 1.0) if gate else None,
        *[weight(s.units, s.outputs, h_scale, part[1]) for part in parts],
        None,
        None,
        None,
        integers(s.units, 1 << 20, np.int32) if gate else None,
        *[integers(s.units, 1 << 20, np.int32) for _ in range(3)],
        constant(
            rng.integers(-128, 128, (s.outputs, s.units)).astype(np.int8), np.float32(draw(RATIOS) * 2.0**-4 * h_scale)
        ),
        integers(s.outputs, 1 << 16, np.int32),
        state((s.batch, s.outputs), np.int8, h_scale, h_zero),
        state((s.batch, s.units), np.int16, 2.0**-15),
        integers(s.units, 32768, np.int16, np.float32(2.0**-13)) if gate else None,
        *norms,
    ]
    return IntegerLstm(operands, Result(np.int8, h_scale, h_zero), intermediates)
