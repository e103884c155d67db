"""Fake quantization taken out of a float graph, and what it knows: the parameters of the tensors it stood after.

A model trained with fake quantization holds, after a tensor, QUANTIZE and DEQUANTIZE (as the converter writes them) or
FAKE_QUANT. Both mean the same: the tensor has these parameters. A pair goes where it is the only reader of its tensor;
its readers then read the tensor itself. Where other operators read the tensor past the pair, or a pair follows another,
a FAKE_QUANT that computes nothing stays in its place, and its result has the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator
from qcore.quantizer.fake_quant.fold import fold_moved_constants
from qcore.quantizer.fake_quant.formulas import bounds_of, held_type, range_type, with_type
from qcore.quantizer.full_integer.plan import Pair
from qcore.quantizer.imported import live_operators
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import BuiltinOperator, FakeQuantOptions, TensorType

__all__ = ["take_pairs"]

QUANTIZE, DEQUANTIZE, FAKE_QUANT = (BuiltinOperator[name] for name in ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"))
_BITS = range(2, 9)
_FOUR_BITS = (TensorType.INT4, TensorType.UINT4)
_TYPES = (TensorType.INT8, TensorType.UINT8, *_FOUR_BITS)


@dataclass
class Emulation:
    """Fake quantization of tensor `source`: the tensor of integers (-1: FAKE_QUANT) and, one or more, of floats."""

    source: int
    type: QuantizedType
    integers: int
    floats: list[int]
    operators: set[int] = field(default_factory=set)


def take_pairs(model: Model, type_: TensorType) -> tuple[Model, list[dict[int, Pair]]]:
    """A copy of the model without fake quantization, and for each graph: tensor -> its pair, in INT8 or UINT8.

    QuantizationError for a FAKE_QUANT of a range or number of bits without meaning.
    """
    result = model.copy()
    return result, [_Taker(result, subgraph, type_).run() for subgraph in range(len(result.subgraphs))]


class _Taker:
    """Works on one graph, in place."""

    def __init__(self, model: Model, subgraph: int, type_: TensorType) -> None:
        self.model, self.subgraph, self.type = model, subgraph, type_
        self.graph = model.subgraphs[subgraph]
        self.graph.operators = live_operators(self.graph)
        self.producers = self.graph.producers()
        self.readers = self.graph.consumers()
        self.returned = list(self.graph.outputs)
        self.pairs: dict[int, Pair] = {}

    def run(self) -> dict[int, Pair]:
        """Take each pair out, or leave a FAKE_QUANT for it."""
        found = {emulation.floats[0]: emulation for emulation in self._emulations()}
        first = {min(emulation.operators): emulation for emulation in found.values()}
        taken = {index for emulation in found.values() for index in emulation.operators}
        self._return_quantized(list(found.values()))
        made_floats = {tensor for emulation in found.values() for tensor in emulation.floats}
        moved: dict[int, int] = {}
        kept: list[Operator] = []
        for index, operator in enumerate(self.graph.operators):
            if index in first:
                self._take(first[index], kept, moved, made_floats)
            elif index not in taken:
                kept.append(operator)
        for operator in kept:
            operator.inputs = tuple(moved.get(tensor, tensor) for tensor in operator.inputs)
        self.graph.operators = kept
        self.graph.outputs = tuple(moved.get(tensor, tensor) for tensor in self.returned)
        self._renumber_signatures(moved)
        return fold_moved_constants(self.model, self.subgraph, self.pairs)

    # Finding ----------------------------------------------------------------------------------------------------------

    def _emulations(self) -> Iterator[Emulation]:
        for index, operator in enumerate(self.graph.operators):
            if operator.code == FAKE_QUANT:
                source, result = operator.inputs[0], operator.outputs[0]
                yield Emulation(source, self._fake_quant_type(index, operator), -1, [result], {index})
            elif operator.code == QUANTIZE:
                emulation = self._pair(index, operator)
                if emulation is not None:
                    yield emulation

    def _pair(self, index: int, operator: Operator) -> Emulation | None:
        """The QUANTIZE at `index` with the DEQUANTIZE operators that read it, if nothing else does."""
        source, integers = operator.inputs[0], operator.outputs[0]
        tensor, tensors = self.graph.tensors[integers], self.graph.tensors
        uses = [use for use, _ in self.readers.get(integers, [])]
        floats = [self.graph.operators[use].outputs[0] for use in uses if self.graph.operators[use].code == DEQUANTIZE]
        if (
            tensors[source].type != TensorType.FLOAT32
            or tensor.type not in _TYPES
            or tensor.quant is None
            or integers in self.graph.outputs
            or not floats
            or len(floats) != len(uses)
        ):
            return None
        self._require_meaning(integers, source)
        known = held_type(tensor.quant, tensor.type, self.model.constant(tensors[source]))
        return Emulation(source, known, integers, floats, {index, *uses})

    def _require_meaning(self, integers: int, source: int) -> None:
        tensor, shape = self.graph.tensors[integers], self.graph.tensors[source].shape
        quant, place = tensor.quant, f"subgraph {self.subgraph}, tensor {integers} {tensor.name!r}"
        assert quant is not None
        low, high = bounds_of(tensor.type)
        if not (quant.scale.size and np.isfinite(quant.scale).all() and (quant.scale > 0).all()):
            raise QuantizationError(f"{place}: its scale must be finite and above 0, not {quant.scale.tolist()[:3]}")
        inside = (quant.zero_point >= low) & (quant.zero_point <= high)
        if quant.zero_point.size != quant.scale.size or not inside.all():
            raise QuantizationError(
                f"{place}: there must be a zero point from {low} to {high} for each scale, not "
                f"{quant.zero_point.tolist()[:3]}"
            )
        axis = quant.quantized_dimension
        channels = shape[axis] if 0 <= axis < len(shape) else 0
        if quant.is_per_channel and channels != quant.scale.size:
            raise QuantizationError(
                f"{place} has {quant.scale.size} scales along axis {axis}, but {channels} channels there"
            )

    def _fake_quant_type(self, index: int, operator: Operator) -> QuantizedType:
        options = operator.options
        place = f"subgraph {self.subgraph}, operator {index} FAKE_QUANT"
        if not isinstance(options, FakeQuantOptions):
            raise QuantizationError(f"{place} has no options, so no range; write min and max into them")
        low, high, bits = np.float32(options.min), np.float32(options.max), int(options.num_bits)
        if bits not in _BITS:
            raise QuantizationError(
                f"{place}: num_bits is {bits}; 8-bit integers can stand for {_BITS[0]} to {_BITS[-1]} bits"
            )
        if not (np.isfinite(low) and np.isfinite(high) and low <= 0 <= high and low < high):
            raise QuantizationError(f"{place}: the range {low} to {high} is not finite with min <= 0 <= max, min < max")
        type_ = TensorType.UINT4 if bits <= 4 else TensorType.UINT8
        return range_type(low, high, type_, narrow_range=bool(options.narrow_range))

    # Taking out -------------------------------------------------------------------------------------------------------

    def _return_quantized(self, emulations: list[Emulation]) -> None:
        """A graph that returns a tensor past its only pair returns the pair's result instead, under the same name."""
        for position, tensor in enumerate(self.returned):
            mine = [emulation for emulation in emulations if emulation.source == tensor]
            if len(mine) == 1:
                result = mine[0].floats[0]
                self.graph.tensors[result].name = self.graph.tensors[tensor].name
                self.returned[position] = result

    def _take(self, emulation: Emulation, kept: list[Operator], moved: dict[int, int], made_floats: set[int]) -> None:
        source = emulation.source
        constant = self.model.is_constant(self.graph.tensors[source])
        only = len(self.readers.get(source, [])) + self.returned.count(source) == 1
        if constant and not only:
            source, only = add_tensor(self.graph, replace(self.graph.tensors[source])), True
        result = emulation.floats[0]
        if only and source not in made_floats:
            known, position = source, len(kept)
        else:
            kept.append(Operator(FAKE_QUANT, (source,), (result,)))
            known, position = result, len(kept)
        moved.update((tensor, known) for tensor in emulation.floats if tensor != known)
        tensors = self.graph.tensors
        integers = tensors[emulation.integers if emulation.integers >= 0 else result]
        type_ = self._type(emulation, constant=constant)
        self.pairs[known] = Pair(type_, position, replace(integers), replace(tensors[result]))

    def _type(self, emulation: Emulation, *, constant: bool) -> QuantizedType:
        """The type in which the quantized model holds the tensor: 8 bits, or INT4 for weights of at most 4 bits."""
        if emulation.type.type not in _FOUR_BITS:
            return with_type(emulation.type, self.type)
        if not constant or self.type != TensorType.INT8:
            name = self.graph.tensors[emulation.source].name
            raise QuantizationError(
                f"subgraph {self.subgraph}, tensor {emulation.source} {name!r} is fake-quantized to 4 bits or fewer; "
                "TensorFlow takes that for int8 models' weights alone. Train it with num_bits from 5 to 8"
            )
        return with_type(emulation.type, TensorType.INT4)

    def _renumber_signatures(self, moved: dict[int, int]) -> None:
        returned = dict(zip(self.model.subgraphs[self.subgraph].outputs, self.graph.outputs, strict=True)) | moved
        for index, signature in enumerate(self.model.signatures):
            if signature.subgraph_index == self.subgraph:
                outputs = [
                    entry.replace(tensor_index=returned.get(int(entry.tensor_index), int(entry.tensor_index)))
                    for entry in signature.outputs or []
                ]
                self.model.signatures[index] = signature.replace(outputs=outputs)
