"""Mixed recipes: rules give operators other schemes than the recipe's, with float activations between them.

First the recipe's own scheme is carried out with all operators denied that rules took out of it, which also puts
QUANTIZE and DEQUANTIZE at the seams. Then the constants of those operators are stored as their rules say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.edit import add_constant, add_tensor, prune
from qcore.errors import QuantizationError, UnsupportedError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.numerics.packing import pack_int4
from qcore.op import Node, find
from qcore.op_versions import renew_runtime_version
from qcore.quantizer.blocks import quantize_in_blocks, scales_of_blocks
from qcore.quantizer.finish import share_equal_buffers
from qcore.quantizer.four_bits import FOUR_BIT_WEIGHTS
from qcore.quantizer.quantized_type import four_bit_type
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.rule import Rule, last_match
from qcore.quantizer.weights.dynamic_range import WEIGHTS
from qcore.quantizer.weights.float16 import half_precision
from qcore.quantizer.weights.weight_type import integers, weight_type
from tflite_schema import ActivationFunctionType, BlockwiseQuantization, BuiltinOperator, TensorType

__all__ = ["quantize_mixed"]

_LEAST_ROWS = 4
_RULE = "rule"
"""The mark that an operator carries in `extra` until its constants are stored."""


def quantize_mixed(model: Model, recipe: Recipe, quantize: Callable[[Model, Recipe], Model]) -> Model:
    """A new model of several schemes; `quantize` carries out the recipe's own, with operators denied.

    QuantizationError: operators that share a result's name are to differ; an operator that is to be float, for which
    the recipe's scheme stores integers nevertheless.
    """
    source = model.copy()
    denied, kept = set[str](), set[str]()
    for subgraph, _, operator in source.walk():
        graph = source.subgraphs[subgraph]
        rule = last_match(recipe.rules, subgraph, graph, operator)
        is_island = rule is not None and rule.scheme != recipe.scheme
        if is_island:
            operator.extra[_RULE] = rule
        (denied if is_island else kept).update(graph.tensors[t].name for t in operator.outputs if t >= 0)
    if denied & kept and recipe.scheme != "float":
        raise QuantizationError(
            f"results of several operators are called {', '.join(sorted(denied & kept))}, and rules tell these "
            "operators apart; give them names of their own"
        )
    own = replace(recipe, rules=(), denylisted_nodes=frozenset(denied)) if recipe.scheme != "float" else recipe
    result = source if recipe.scheme == "float" else quantize(source, own)
    islands = [_Islands(result, subgraph, graph) for subgraph, graph in enumerate(result.subgraphs)]
    for island in islands:
        island.store()
    if any(island.stored for island in islands):
        prune(result)  # the float constants
    renew_runtime_version(result)
    share_equal_buffers(result)
    return result


class _Islands:
    """The operators of one graph that rules are for; each constant is stored once for all that read it alike."""

    def __init__(self, model: Model, subgraph: int, graph: Subgraph) -> None:
        self.model, self.subgraph, self.graph = model, subgraph, graph
        self.stored: dict[tuple[Any, ...], int] = {}
        self.dequantized: dict[int, int] = {}
        self.operators: list[Operator] = []

    def store(self) -> None:
        """Store the constants of all islands, and list the operators anew with the conversions."""
        marked = {id(op): op.extra.pop(_RULE) for op in self.graph.operators if _RULE in op.extra}
        for index, operator in enumerate(self.graph.operators):
            if id(operator) in marked:
                self._store(index, operator, marked[id(operator)])
            self.operators.append(operator)
        self.graph.operators = self.operators
        for index, operator in enumerate(self.operators):
            if id(operator) in marked:
                operator.version = max(operator.version, self._version(index, operator))
        if marked:
            self.model.extra.pop("operator_codes", None)

    def _version(self, index: int, operator: Operator) -> int:
        return find(operator.code, operator.custom_code).version(Node.of(self.model, self.subgraph, index))

    def _store(self, index: int, operator: Operator, rule: Rule) -> None:
        for position, tensor in enumerate(operator.inputs):
            if tensor < 0 or not self.model.is_constant(self.graph.tensors[tensor]):
                continue
            self._require_float(index, operator, tensor)
            if self.graph.tensors[tensor].type != TensorType.FLOAT32 or rule.scheme == "float":
                continue
            made = self._half(tensor) if rule.scheme == "float16" else self._weight(index, operator, position, rule)
            operator.inputs = (*operator.inputs[:position], made, *operator.inputs[position + 1 :])

    def _require_float(self, index: int, operator: Operator, tensor: int) -> None:
        quant = self.graph.tensors[tensor].quant
        if operator.code in WEIGHTS and WEIGHTS[operator.code].always and quant is not None and quant.is_quantized:
            raise QuantizationError(
                f"subgraph {self.subgraph}, operator {index} {operator.name}: a rule takes it out of integers, but the "
                "converter stores its weight in int8 even where it computes in float; drop the rule for it"
            )

    def _half(self, tensor: int) -> int:
        key = (tensor,)
        if key not in self.stored:
            self.stored[key] = self._add(tensor, half_precision(self._values(tensor)), TensorType.FLOAT16, "_half")
        return self._dequantize(self.stored[key])

    def _weight(self, index: int, operator: Operator, position: int, rule: Rule) -> int:
        """The integer weight, or its DEQUANTIZE; the constant as it is where it is none, or too small."""
        tensor = operator.inputs[position]
        weights = WEIGHTS.get(operator.code)
        if (
            weights is None
            or position not in weights.operands
            or self.graph.tensors[tensor].size < rule.least_elements
            or not self.graph.tensors[tensor].size
        ):
            return tensor
        if len(weights.operands) > 1:
            raise UnsupportedError(
                f"subgraph {self.subgraph}, operator {index} {operator.name}: weights of recurrent operators are not "
                f"mixed; give it the scheme float16, or the whole model {rule.scheme}"
            )
        values = self._values(tensor)
        if not np.isfinite(values).all():
            raise QuantizationError(
                f"subgraph {self.subgraph}, operator {index} {operator.name}: its weight "
                f"{self.graph.tensors[tensor].name!r} holds NaN or infinity, of which no scale can be made"
            )
        if rule.block_size:
            return self._blocks(index, operator, tensor, rule.block_size)
        hybrid = weights.always or (weights.hybrid and rule.scheme == "dynamic_range")
        if hybrid and operator.code == BuiltinOperator.DEPTHWISE_CONV_2D and not rule.per_channel:
            raise QuantizationError(
                f"subgraph {self.subgraph}, operator {index} {operator.name}: TFLite's hybrid kernel needs a scale per "
                "channel; keep per_channel"
            )
        axis = weights.axis if rule.per_channel else None
        four_bits = rule.weight_bits == 4 and operator.code in FOUR_BIT_WEIGHTS[rule.scheme]
        key = (tensor, axis, four_bits)
        if key not in self.stored:
            type_ = four_bit_type(values, axis) if four_bits else weight_type(values, axis)
            q = type_.quantize(values) if four_bits else integers(values, type_)
            made = self._add(tensor, pack_int4(q) if four_bits else q, type_.type, "_quantized")
            self.graph.tensors[made].quant = type_.quant
            self.stored[key] = made
        if hybrid:
            if weights.options is not None:
                options = operator.options or weights.options()
                operator.options = options.replace(asymmetric_quantize_inputs=True)
            return self.stored[key]
        return self._dequantize(self.stored[key])

    def _blocks(self, index: int, operator: Operator, tensor: int, size: int) -> int:
        """The int4 weight with a tensor of scales; QuantizationError where TFLite's kernel cannot take it."""
        values, options = self._values(tensor), operator.options
        rows, columns = values.shape
        scales = scales_of_blocks(values, size) if columns % size == 0 else np.zeros(1, np.float16)
        fused = options is not None and options.fused_activation_function != ActivationFunctionType.NONE
        if rows < _LEAST_ROWS or columns % size or fused or not (np.isfinite(scales) & (scales > 0)).all():
            raise QuantizationError(
                f"subgraph {self.subgraph}, operator {index} FULLY_CONNECTED: its weight {list(values.shape)} in "
                f"blocks of {size}: TFLite's kernel takes whole blocks, {_LEAST_ROWS} rows or more, no fused "
                "activation, and scales that float16 can express; give it a rule without block_size"
            )
        key = (tensor, "blocks", size)
        if key not in self.stored:
            made = self._add(tensor, pack_int4(quantize_in_blocks(values, scales)), TensorType.INT4, "_quantized")
            name = self.graph.tensors[tensor].name + "_scales"
            holder = add_constant(self.model, self.graph, name, scales, type_=TensorType.FLOAT16)
            details = BlockwiseQuantization(scales=holder, zero_points=-1, block_size=size)
            empty = np.zeros(0, np.float32), np.zeros(0, np.int64)
            self.graph.tensors[made].quant = QuantParams(*empty, details=details)
            self.stored[key] = made
        return self.stored[key]

    def _values(self, tensor: int) -> NDArray[np.float32]:
        values = self.model.constant(self.graph.tensors[tensor])
        assert values is not None
        return values

    def _add(self, tensor: int, values: NDArray[Any], type_: TensorType, suffix: str) -> int:
        source = self.graph.tensors[tensor]
        made = add_constant(self.model, self.graph, source.name + suffix, values, type_=type_)
        self.graph.tensors[made].shape = source.shape
        return made

    def _dequantize(self, tensor: int) -> int:
        """The float32 result of a DEQUANTIZE right before the first operator that reads it."""
        if tensor not in self.dequantized:
            source = self.graph.tensors[tensor]
            made = add_tensor(self.graph, Tensor(source.name + "_float", source.shape, TensorType.FLOAT32))
            conversion = Operator(BuiltinOperator.DEQUANTIZE, (tensor,), (made,))
            conversion.version = {TensorType.INT4: 6, TensorType.FLOAT16: 3}.get(source.type, 2)
            self.operators.append(conversion)
            self.dequantized[tensor] = made
        return self.dequantized[tensor]
