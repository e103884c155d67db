"""Quantization parameters by themselves: scales that are numbers one can divide by, zero points inside the type.

TFLite: core/interpreter_builder.cc (ParseQuantization) takes any of them; kernels divide by scales.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Check, Finding, Place, Severity
from qcore.auditor.lint.probe import Subject, looks_for
from qcore.ir import QuantParams, Tensor
from tflite_schema import BlockwiseQuantization, TensorType

__all__ = ["SCALE", "SCALE_MAGNITUDE", "ZERO_POINT", "ZERO_POINT_INT16"]

SCALE = Check("QL101", Severity.ERROR, "scale is zero, negative, infinite or not a number")
SCALE_MAGNITUDE = Check("QL102", Severity.WARNING, "scale is denormal or of absurd size")
ZERO_POINT = Check("QL103", Severity.ERROR, "zero point lies outside the tensor's type")
ZERO_POINT_INT16 = Check("QL104", Severity.ERROR, "int16 zero point is not 0")

_RANGES = {
    TensorType.INT8: (-128, 127),
    TensorType.UINT8: (0, 255),
    TensorType.INT16: (-(1 << 15), (1 << 15) - 1),
    TensorType.UINT16: (0, (1 << 16) - 1),
    TensorType.INT4: (-8, 7),
    TensorType.UINT4: (0, 15),
    TensorType.INT2: (-2, 1),
    TensorType.INT32: (-(1 << 31), (1 << 31) - 1),
}
_LARGE = 2.0**40
"""A scale beyond it stands for a range of 10^14 even in 8 bits."""
_DENORMAL = float(np.finfo(np.float32).tiny)


def _parameters(subject: Subject) -> Iterator[tuple[Place, Tensor, QuantParams]]:
    for number, graph in enumerate(subject.model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            quant = tensor.quant
            if quant is not None and quant.is_quantized and not isinstance(quant.details, BlockwiseQuantization):
                yield Place.of(subject.model, subgraph=number, tensor=index), tensor, quant


def _scales(subject: Subject) -> Iterator[tuple[Place, NDArray[np.float32]]]:
    """The scales of every tensor; of one quantized block by block, those of the tensor that holds them."""
    for place, _, quant in _parameters(subject):
        yield place, quant.scale
    for n in subject.nodes:
        for t in n.inputs:
            if t is not None and t.block_scales is not None:
                yield subject.place(n, t), t.block_scales.astype(np.float32).reshape(-1)


@looks_for(SCALE, SCALE_MAGNITUDE)
def scales(subject: Subject) -> Iterator[Finding]:
    for place, values in _scales(subject):
        bad = ~np.isfinite(values) | (values <= 0)
        if bad.any():
            channel = int(bad.argmax())
            count = f", and {int(bad.sum()) - 1} more" if bad.sum() > 1 else ""
            message = f"scale {values[channel]:g} of channel {channel}{count}: a scale must be a positive number"
            advice, scale = "quantize the tensor again, from its range", float(values[channel])
            yield Finding.of(SCALE, place, message, advice, channel=channel, scale=scale, count=int(bad.sum()))
            continue
        odd = (values < _DENORMAL) | (values > _LARGE)
        if odd.any():
            channel = int(odd.argmax())
            kind = "denormal" if values[channel] < _DENORMAL else "of absurd size"
            message = f"scale {values[channel]:.9g} of channel {channel} is {kind}"
            advice = "look at the range it came from; arithmetic on ARM may flush it to 0 or overflow"
            yield Finding.of(SCALE_MAGNITUDE, place, message, advice, channel=channel, scale=float(values[channel]))


@looks_for(ZERO_POINT, ZERO_POINT_INT16)
def zero_points(subject: Subject) -> Iterator[Finding]:
    """SOFTMAX of int8 to int16 is unsigned: 1/65536, zero point -32768."""
    unsigned = {
        (n.subgraph, n.outputs[0].index)
        for n in subject.nodes
        if n.name == "SOFTMAX" and n.outputs and all(t is not None and t.type == TensorType.INT8 for t in n.inputs)
    }
    for place, tensor, quant in _parameters(subject):
        low, high = _RANGES.get(tensor.type, (0, 0))
        zeros = quant.zero_point
        outside = (zeros < low) | (zeros > high)
        name = tensor.type.name.lower()
        if tensor.type in _RANGES and outside.any():
            zero = int(zeros[outside][0])
            message = f"zero point {zero} lies outside {name}, [{low}, {high}]"
            yield Finding.of(
                ZERO_POINT, place, message, "quantize the tensor again", zero_point=zero, low=low, high=high
            )
        elif tensor.type == TensorType.INT16 and zeros.any() and (place.subgraph, place.tensor) not in unsigned:
            zero = int(zeros[zeros != 0][0])
            message = f"int16 has zero point {zero}; the kernels of 16-bit activations take 0 only"
            yield Finding.of(ZERO_POINT_INT16, place, message, "quantize int16 tensors symmetrically", zero_point=zero)
