"""The canonical form of a converted model: what depends on how often TensorFlow was asked, and not on the model, goes.

TensorFlow numbers functions as they are traced, and names the branches of a condition after these numbers; it names a
lookup table at random; it stores a hash over such names as metadata. So a model converted twice gives two files. Here

    CONVERSION_METADATA        is dropped (TensorFlow's version, the options of the conversion, that hash)
    ..._cond_true_15900        loses the number; a number is given back only where a name would occur twice
    HASHTABLE's table_id       becomes 1, 2, ... in the order of the operators

Names of layers, which Keras also numbers, are the model's own and stay: two models built one after the other differ in
them unless the layers are named or `keras.backend.clear_session()` is called between.
"""

from __future__ import annotations

import re

from qcore.ir import Model, Subgraph
from tflite_schema import BuiltinOperator

__all__ = ["canonical"]

_CONVERSION_METADATA = "CONVERSION_METADATA"
_NUMBER = re.compile(r"_\d+$")


def canonical(model: Model) -> Model:
    """A copy without what differs between two conversions of one model."""
    result = model.copy()
    _drop_metadata(result, _CONVERSION_METADATA)
    _rename_functions(result)
    _number_tables(result)
    return result


def _drop_metadata(model: Model, name: str) -> None:
    """Remove metadata entries of this name and their buffers; buffers behind them move up."""
    gone = sorted((int(entry.buffer) for entry in model.metadata if entry.name == name), reverse=True)
    model.metadata = [entry for entry in model.metadata if entry.name != name]
    for buffer in gone:
        del model.buffers[buffer]
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                tensor.buffer -= tensor.buffer > buffer
        model.metadata = [entry.replace(buffer=entry.buffer - (entry.buffer > buffer)) for entry in model.metadata]


def _rename_functions(model: Model) -> None:
    """Take the trace number off the names of subgraphs that no signature runs, and of the tensors named after them."""
    public = {0, *(signature.subgraph_index for signature in model.signatures)}
    taken = {model.subgraphs[index].name for index in public}
    for index, graph in enumerate(model.subgraphs):
        if index in public or not graph.name:
            continue
        stem = _NUMBER.sub("", graph.name)
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name)
        _rename(graph, name)


def _rename(graph: Subgraph, name: str) -> None:
    old = f"{graph.name}_arg"
    for tensor in graph.tensors:
        if tensor.name.startswith(old):
            tensor.name = f"{name}_arg{tensor.name[len(old) :]}"
    graph.name = name


def _number_tables(model: Model) -> None:
    numbers: dict[int, int] = {}
    for _, _, op in model.walk():
        if op.code == BuiltinOperator.HASHTABLE and op.options is not None:
            number = numbers.setdefault(int(op.options.table_id), len(numbers) + 1)
            op.options = op.options.replace(table_id=number)
