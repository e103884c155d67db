"""Requantization: the tail every integer product shares, from accumulators to the output's integers.

    y = clamp(requantize(acc + bias[c]) + zero_point)

The four steps run on blocks of rows that stay in the cache. An 8-bit stage that is used often is also proved: its
steps collapse to clamp(rint(acc * m + c)) in float32 where `certificate.certify` shows that no accumulator can tell the
difference. Recording always takes the four steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from qcore.numerics.certificate import certify
from qcore.numerics.fixedpoint import INT32_MAX, Int64Array, clip, wrap_int32
from qcore.numerics.rounding import RULES, Requantization, Rule, magnitude, requantize, requantize_float
from qcore.numerics.trace import NO_TRACE, Kept, Trace

__all__ = ["RULES", "OutputStage", "Requantization", "Rule", "output_stage", "output_stages", "requantize"]

_BLOCK = 32768  # accumulators worked on at a time: as float64 they fit the L2 cache
_RUN = 8192  # per-channel constants are repeated to about this length, so that NumPy's inner loops are long
_REACH = 2**30  # float32 accumulators beyond it are not covered by a proof without a bound of their own
_WORTH_PROVING = 4096  # rows after which a proof (about 255 thresholds a channel) has paid for itself
_CALL = 64  # what one call costs, in rows
_MOSTLY, _APART = 0.7, 32768  # share of proved channels and size from which the others are worth doing apart


def output_stage(
    acc: NDArray[Any],
    bias: NDArray[Any] | None,
    r: Requantization,
    zero_point: int,
    activation_range: tuple[int, int],
    dtype: DTypeLike,
    trace: Trace = NO_TRACE,
    accumulator_bound: int | None = None,
) -> NDArray[Any]:
    """The tail of every integer product:  y = clamp(requantize(acc + bias[c]) + zero_point)  as `dtype`.

    acc: exact integers as int32, int64, float64, or float32 (|acc| <= 2^24 then), [..., C]; bias: int32 or int64 [C],
    or None.
    acc + bias wraps as the kernel's accumulator does: int64 for an int64 bias or rule, int32 otherwise.
    `accumulator_bound` is a proven bound of |acc|, which saves looking at the data. Traced steps, as integers:
    "add_bias", "requantize", "add_zero_point", "clamp".

    The stage is kept with `r` and used again when called with the same constants; a writeable bias may change, and is
    not kept.
    """
    key = (acc.shape[-1], id(bias), zero_point, activation_range, dtype, accumulator_bound)
    kept: tuple[Any, OutputStage] | None = r.__dict__.get("_kept_stage")
    if kept is not None and kept[0] == key:
        return kept[1](acc, trace)
    stage = OutputStage(acc.shape[-1], bias, r, zero_point, activation_range, dtype, accumulator_bound)
    if bias is None or not bias.flags.writeable:
        r.__dict__["_kept_stage"] = (key, stage)  # holds the bias, so its id stays its own
    return stage(acc, trace)


def output_stages(
    acc: NDArray[Any],
    bias: NDArray[Any] | None,
    parts: Sequence[tuple[slice, Requantization]],
    zero_point: int,
    activation_range: tuple[int, int],
    dtype: DTypeLike,
    trace: Trace = NO_TRACE,
    accumulator_bound: int | None = None,
) -> NDArray[Any]:
    """`output_stage` where not all channels follow one rule: vector code leaves the last channels to scalar code.

    parts: (channels, rule) that together cover the last axis of acc, in order.
    """
    if len(parts) == 1:
        return output_stage(acc, bias, parts[0][1], zero_point, activation_range, dtype, trace, accumulator_bound)
    y = np.empty(acc.shape, dtype)
    steps: list[dict[str, NDArray[Any]]] = []
    for channels, r in parts:
        part_trace: Trace = Kept() if trace.recording else NO_TRACE
        part_bias = None if bias is None else bias[channels] if bias.size > 1 else bias
        y[..., channels] = OutputStage(
            acc[..., channels].shape[-1], part_bias, r, zero_point, activation_range, dtype, accumulator_bound
        )(acc[..., channels], part_trace)
        if isinstance(part_trace, Kept):
            steps.append(part_trace.steps)
    for name in steps[0] if steps else ():
        trace(name, np.concatenate([part[name] for part in steps], axis=-1))
    return y


class OutputStage:
    """`output_stage` with its constants worked out once; call it with accumulators and a trace."""

    def __init__(
        self,
        channels: int,
        bias: NDArray[Any] | None,
        r: Requantization,
        zero_point: int,
        activation_range: tuple[int, int],
        dtype: DTypeLike,
        accumulator_bound: int | None = None,
    ) -> None:
        self.channels, self.bias, self.r, self.dtype = channels, bias, r, np.dtype(dtype)
        self.zero_point, self.activation_range, self.bound = np.int32(zero_point), activation_range, accumulator_bound
        self.wide = r.rule == "int64_accumulator" or (bias is not None and bias.dtype == np.int64)
        self.bias_bound = 0 if bias is None else magnitude(bias)
        self.limit = min(r.exact_limit, 2**53 if self.wide else INT32_MAX)
        low, high = activation_range
        self.ends = np.int32(low), np.int32(high), np.float32(low), np.float32(high)
        self.constants: dict[str, NDArray[Any]] = {}
        self.rows_seen = 0
        self.unproved: NDArray[np.intp] | None = None  # channels; None: no proof was tried, or it was no use
        self.others: OutputStage | None = None

    def __call__(self, acc: NDArray[Any], trace: Trace = NO_TRACE) -> NDArray[Any]:
        """acc [..., C] -> `dtype` [..., C]; see `output_stage`."""
        y = np.empty(acc.shape, self.dtype)
        if y.size == 0:
            return y
        flat, flat_y = acc.reshape(-1, self.channels), y.reshape(-1, self.channels)
        if trace.recording:
            self._steps(flat, flat_y, trace, acc.shape)
        elif acc.dtype == np.float32 and self._proved(flat):
            self._in_blocks(flat, flat_y, self._proved_steps)
            if self.others is not None:
                flat_y[:, self.unproved] = self.others(flat[:, self.unproved])
        else:
            self._in_blocks(flat, flat_y, self._steps)
        return y

    def _in_blocks(self, acc: NDArray[Any], y: NDArray[Any], steps: Any) -> None:
        """Runs of several rows as one, several runs at a time; then the rows left over."""
        rows = len(acc)
        group = min(rows, max(1, _RUN // self.channels))
        run = group * self.channels
        whole = rows // group * group
        grouped, grouped_y = acc[:whole].reshape(-1, run), y[:whole].reshape(-1, run)
        step = max(1, _BLOCK // run)
        for i in range(0, len(grouped), step):
            steps(grouped[i : i + step], grouped_y[i : i + step])
        if whole < rows:
            steps(acc[whole:].reshape(1, -1), y[whole:].reshape(1, -1))

    def _steps(self, acc: NDArray[Any], y: NDArray[Any], trace: Trace = NO_TRACE, shape: tuple[int, ...] = ()) -> None:
        """The four steps on acc [n, m], m a multiple of the channels."""
        bound = self.bias_bound + (magnitude(acc) if self.bound is None else self.bound)
        if bound > self.limit and self.bound is not None:
            bound = self.bias_bound + magnitude(acc)
        if bound <= self.limit:
            total = self._add_bias_float(acc)
            _show(trace, "add_bias", total, shape)
            first, second = self._tiled("first_factor", acc), self._tiled("second_factor", acc)
            value = requantize_float(total, first, second, self.r.rule).astype(np.int32)
        else:
            wide_total = self._add_bias_integer(acc)
            _show(trace, "add_bias", wide_total, shape)
            value = requantize(wide_total, self.r).reshape(acc.shape)
        _show(trace, "requantize", value, shape)
        value += self.zero_point
        _show(trace, "add_zero_point", value, shape)
        clip(value, self.ends[0], self.ends[1], out=value)
        _show(trace, "clamp", value, shape)
        np.copyto(y, value, casting="unsafe")

    def _add_bias_float(self, acc: NDArray[Any]) -> NDArray[Any]:
        total = acc.astype(np.float64)
        if self.bias is not None:
            total += self._tiled("bias", acc)
        return total

    def _add_bias_integer(self, acc: NDArray[Any]) -> Int64Array:
        total = acc.reshape(-1, self.channels).astype(np.int64)
        if self.bias is not None:
            total += self.bias
        return total if self.wide else wrap_int32(total)

    def _tiled(self, name: str, acc: NDArray[Any]) -> NDArray[Any]:
        """A per-channel constant repeated along the last axis of acc; float32 only for the proved steps' own."""
        tiled = self.constants.get(name)
        length = acc.shape[-1]
        if tiled is None or tiled.size < length:
            constant = self.bias if name == "bias" else getattr(self.r, name)
            assert constant is not None
            tiled = self.constants[name] = self._tile(constant.astype(np.float64), length)
        return tiled[:length]

    def _tile(self, constant: NDArray[Any], length: int) -> NDArray[Any]:
        return np.broadcast_to(constant, (length // self.channels, self.channels)).reshape(length)

    # --- the proved steps ---

    def _proved(self, acc: NDArray[Any]) -> bool:
        if self.rows_seen < _WORTH_PROVING:
            self.rows_seen += len(acc) + _CALL
            if self.rows_seen >= _WORTH_PROVING:
                self._prove()
        return self.unproved is not None and (self.others is None or acc.size >= _APART)

    def _prove(self) -> None:
        """Try to replace the four steps; afterwards `unproved` holds the channels that keep them, or None."""
        low, high = self.activation_range
        signed = self.r.rule == "double_rounding" and low < self.zero_point  # its rounding has a step at zero
        reach = _REACH if self.bound is None else self.bound
        growth = max(1 << int(self.r.shift.max(initial=0)), float(self.r.slope.max(initial=0)))
        wraps = (reach + self.bias_bound) * growth >= 2**31
        if self.wide or signed or wraps or not 0 < high - low < 256:
            return
        channels = np.broadcast_to(np.arange(self.r.slope.size), (self.channels,))
        r = self.r.take(channels)
        bias = np.zeros(self.channels, np.int64) if self.bias is None else self.bias.astype(np.int64)
        proof = certify(lambda acc: requantize(acc, r), r.slope, bias, int(self.zero_point), (low, high), reach)
        if proof.proved.mean() < _MOSTLY:
            return
        self.constants["proved_multiplier"], self.constants["proved_offset"] = proof.multiplier, proof.offset
        self.unproved = np.flatnonzero(~proof.proved)
        if self.unproved.size:
            some = None if self.bias is None else self.bias[self.unproved]
            self.others = OutputStage(
                self.unproved.size,
                some,
                r.take(self.unproved),
                int(self.zero_point),
                (low, high),
                self.dtype,
                self.bound,
            )
            self.others.rows_seen = _WORTH_PROVING

    def _proved_steps(self, acc: NDArray[np.float32], y: NDArray[Any]) -> None:
        length = acc.shape[-1]
        if self.constants.get("tiled_multiplier", acc[:0]).size < length:
            for name in ("multiplier", "offset"):
                self.constants["tiled_" + name] = self._tile(self.constants["proved_" + name], length)
        value = acc * self.constants["tiled_multiplier"][:length]
        value += self.constants["tiled_offset"][:length]
        np.rint(value, out=value)
        clip(value, self.ends[2], self.ends[3], out=value)
        np.copyto(y, value, casting="unsafe")


def _show(trace: Trace, name: str, value: NDArray[Any], shape: tuple[int, ...]) -> None:
    if trace.recording:
        trace(name, value.astype(np.int64).reshape(shape))
