"""One sample run by both models: every tensor of both, and what the integers stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import Alignment
from qcore.auditor.ledger.stepper import Stepper, Values
from qcore.auditor.metrics import quantized_inputs, real_values
from qcore.errors import QuantizationError
from qcore.ir import Tensor
from qcore.numerics.fixedpoint import round_half_away
from qcore.numerics.trace import Trace
from tflite_schema import TensorType

__all__ = ["Accumulator", "Grid", "Run", "Runners", "plain_numbers"]

Array = NDArray[Any]
Float64Array = NDArray[np.float64]


def plain_numbers(values: Array) -> Array:
    """Complex numbers as pairs of real ones along the last axis; others as they are."""
    if values.dtype.kind != "c":
        return values
    pairs = np.stack([values.real, values.imag], axis=-1)
    return pairs.reshape(*values.shape[:-1], -1)


class Accumulator:
    """A trace that keeps the step "accumulate" and then looks away, so that the kernel goes on at full speed."""

    def __init__(self) -> None:
        self.recording = True
        self.value: Array | None = None

    def __call__(self, name: str, value: Array, /) -> Array:
        """Keep `value` if it is the accumulator's."""
        if name == "accumulate":
            self.value, self.recording = value, False
        return value


class Grid:
    """The numbers that a quantized tensor can hold, per tensor: scale * (q - zero_point), q in the type's range."""

    def __init__(self, tensor: Tensor) -> None:
        assert tensor.quant is not None
        info = np.iinfo(tensor.type.name.lower())
        self.scale, self.zero_point = float(tensor.quant.scale[0]), int(tensor.quant.zero_point[0])
        self.lowest, self.highest = int(info.min), int(info.max)
        self.low = self.scale * (self.lowest - self.zero_point)
        self.high = self.scale * (self.highest - self.zero_point)

    @staticmethod
    def of(tensor: Tensor) -> Grid | None:
        """The grid of a tensor of integers with one scale; None for any other."""
        integers = tensor.type in (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
        one = tensor.quant is not None and tensor.quant.scale.size == 1
        return Grid(tensor) if integers and one else None

    def real(self, q: Array) -> Float64Array:
        """scale * (q - zero_point), in float64."""
        return (q.astype(np.float64) - self.zero_point) * self.scale

    def holds(self, values: Float64Array) -> bool:
        """Whether all values lie between the ends; not if one is NaN."""
        return not values.size or bool(values.min() >= self.low and values.max() <= self.high)

    def clip(self, values: Float64Array) -> Float64Array:
        """The nearest value between the ends."""
        return np.clip(values, self.low, self.high)

    def round(self, values: Float64Array) -> Float64Array:
        """The nearest multiple of the scale, whether in range or not; halves away from zero, as QUANTIZE."""
        steps: Float64Array = round_half_away(values / self.scale)
        steps *= self.scale
        return steps


class Runners:
    """The two models, ready to run samples."""

    def __init__(self, quantized: Stepper, exact: Stepper, alignment: Alignment, accumulated: Sequence[int]) -> None:
        self.quantized, self.exact, self.alignment = quantized, exact, alignment
        self.accumulated = accumulated
        """The operators whose accumulators are kept."""
        self.constants: Values = {}

    def run(self, inputs: Sequence[Array]) -> Run:
        """Run both models on float inputs, quantized where the quantized model takes integers."""
        ours = quantized_inputs(self.quantized.model, inputs)
        values = self.quantized.prepare([x.shape for x in ours])
        values.update(zip(self.quantized.model.main.inputs, ours, strict=True))
        traces: dict[int, Trace] = {index: Accumulator() for index in self.accumulated}
        self.quantized.run(values, traces=traces)
        exact = self.exact.prepare([np.shape(x) for x in inputs])
        exact.update(zip(self.exact.model.main.inputs, inputs, strict=True))
        self.exact.run(exact)
        self._require_same_shapes(values, exact)
        kept = {i: t.value for i, t in traces.items() if isinstance(t, Accumulator) and t.value is not None}
        return Run(self, values, exact, kept)

    def _require_same_shapes(self, values: Values, exact: Values) -> None:
        outputs = zip(self.quantized.model.main.outputs, self.exact.model.main.outputs, strict=True)
        for ours, theirs in (*self.alignment.tensors.items(), *outputs):
            sizes = [np.size(side[t]) for side, t in ((values, ours), (exact, theirs)) if t in side]
            if len(set(sizes)) > 1:
                raise QuantizationError(
                    f"tensor {ours} of the quantized model has {sizes[0]} elements, tensor {theirs} of the float "
                    f"model, for which it stands, {sizes[1]}; give the float model that this one was made from"
                )


class Run:
    """values: the quantized model's tensors; exact: the float model's; accumulators: by operator, as integers."""

    def __init__(self, runners: Runners, values: Values, exact: Values, accumulators: dict[int, Array]) -> None:
        self.runners, self.values, self.exact, self.accumulators = runners, values, exact, accumulators
        self._reals: Values = {}

    def real(self, tensor: int) -> Array:
        """What a tensor of the quantized model stands for, float32."""
        kept = self.runners.constants if tensor in self.runners.alignment.constants else self._reals
        if tensor not in kept:
            value = np.asarray(self.values[tensor])
            held = self.runners.quantized.model.main.tensors[tensor]
            kept[tensor] = np.reshape(real_values(held, value), value.shape)  # a scale of shape (1,) is no dimension
        return np.asarray(kept[tensor])
