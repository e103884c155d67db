"""Quantization that changes weights only and needs no calibration: how the model stores them, in which operators.

source         a float graph as a program, its constants in the converter's order
base_names     the names tensors had before they were made unique
float16        every float32 constant in half precision
dynamic_range  large weights in int8, for hybrid kernels or behind DEQUANTIZE
weight_type    the scale and the integers of a weight
strictness     what must not stay in float32
"""

from __future__ import annotations

from qcore.errors import QuantizationError
from qcore.ir import Model
from qcore.quantizer.finish import share_equal_buffers
from qcore.quantizer.hoisting import hoisted
from qcore.quantizer.layout import Names, lay_out, renumbered, set_versions
from qcore.quantizer.program import Line, Value
from qcore.quantizer.push_down import push_down
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.weights.base_names import base_names
from qcore.quantizer.weights.dynamic_range import store_in_int8
from qcore.quantizer.weights.float16 import store_in_half_precision, store_late_states
from qcore.quantizer.weights.metadata import set_metadata
from qcore.quantizer.weights.source import Block, Source, read_graph
from qcore.quantizer.weights.strictness import require_four_bits, require_small
from tflite_schema import WhileOptions

__all__ = ["quantize_weights"]


def quantize_weights(model: Model, recipe: Recipe) -> Model:
    """A new model with smaller constants and the same inputs and outputs, for the schemes float16, dynamic_range and
    weight_only_int8.

    TensorFlow: tf_tfl_passes.cc, AddDynamicRangeQuantizationPasses.
    """
    _require_meaning(recipe)
    source, result = model.copy(), model.copy()
    result.buffers = [None]
    result.extra = {key: value for key, value in model.extra.items() if key != "operator_codes"}
    result.description = "MLIR Converted."
    names, loops = Names(), _loops(model)
    for subgraph, base in enumerate(base_names(model)):
        graph = read_graph(source, subgraph, base)
        if recipe.scheme == "float16":
            store_late_states(graph)
        front, block = (
            store_in_half_precision(graph, constants, is_loop=subgraph in loops)
            if recipe.scheme == "float16"
            else store_in_int8(graph, constants, recipe)
            for constants in (graph.front, graph.block)
        )
        order = _settle(graph, front, block)
        if recipe.strict:
            require_small(graph)
            if recipe.weight_bits == 4:
                require_four_bits(graph)
        number = lay_out(result, source, subgraph, graph.program, order, names)
        result.signatures = [
            renumbered(signature, number) if signature.subgraph_index == subgraph else signature
            for signature in result.signatures
        ]
    set_versions(result)
    set_metadata(result, model, half=recipe.scheme == "float16")
    share_equal_buffers(result)
    return result


def _require_meaning(recipe: Recipe) -> None:
    """QuantizationError for options that say nothing about halves, which have no scales and compute nowhere."""
    if recipe.scheme == "float16":
        given = {
            "per_channel": not recipe.per_channel,
            "per_channel_dense": not recipe.per_channel_dense,
            "denylisted_ops": recipe.denylisted_ops,
            "denylisted_nodes": recipe.denylisted_nodes,
        }
        for option in (name for name, differs in given.items() if differs):
            raise QuantizationError(
                f"{option} says nothing about float16: constants get no scales, and every operator computes in "
                "float32; leave it out"
            )


def _loops(model: Model) -> set[int]:
    """The graphs that are conditions and bodies of WHILE."""
    tables = [op.options for _, _, op in model.walk() if isinstance(op.options, WhileOptions)]
    return {int(index) for table in tables for index in (table.cond_subgraph_index, table.body_subgraph_index)}


def _settle(graph: Source, front: Block, block: Block) -> list[Value | str]:
    """Put the conversions before the operators, and return the tensors in the converter's order."""
    program = graph.program
    read = {value for item in (*front, *block, *program.lines) if isinstance(item, Line) for value in item.inputs}
    stored = {value for value in graph.floats if value not in (*read, *program.outputs)}
    settled = [item for item in front if item not in stored]
    settled += hoisted([item for item in hoisted(block, _is_constant) if item not in stored], _is_constant)
    conversions = [item for item in settled if isinstance(item, Line)]
    for line in conversions:
        line.early = True
    program.lines = [*conversions, *program.lines]
    push_down(program)
    order: dict[Value | str, None] = dict.fromkeys(program.inputs)
    for item in settled:
        order.update(dict.fromkeys(item.outputs if item.early else []) if isinstance(item, Line) else {item: None})
    for line in program.lines:
        order.update(dict.fromkeys(value for value in line.inputs if value is not None))
        order.update(dict.fromkeys((*line.intermediates, *line.outputs)))
    return list(order)


def _is_constant(item: Value | Line | str) -> bool:
    """Whether the converter's rewritings move it."""
    return not isinstance(item, Line) and (isinstance(item, str) or item.quantized is None)
