"""The fingerprint of a model: which statistics are its own."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from qcore.intermediates import with_intermediates
from qcore.ir import Model
from tflite_schema import Table

__all__ = ["fingerprint"]


def fingerprint(model: Model) -> str:
    """A hash of all that decides the values of the tensors: operators, options, shapes and constants.

    Quantization parameters, descriptions, metadata and the numbering of buffers do not count; nor does whether the
    intermediate tensors of a fused LSTM were added already.
    """
    model = with_intermediates(model)
    digest = hashlib.sha256()
    for graph in model.subgraphs:
        digest.update(repr(("graph", graph.inputs, graph.outputs)).encode())
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer] if model.is_constant(tensor) else None
            size = -1 if data is None else data.size
            signature = tensor.shape_signature or tensor.shape
            fields = (tensor.name, tensor.shape, signature, int(tensor.type), tensor.is_variable, size)
            digest.update(repr(fields).encode("utf-8", "surrogatepass"))
            if data is not None:
                digest.update(np.ascontiguousarray(data).data)
        for operator in graph.operators:
            digest.update(repr((operator.name, operator.inputs, operator.outputs, operator.intermediates)).encode())
            digest.update(_options(operator.options).encode())
            if operator.custom_options is not None:
                digest.update(operator.custom_options.tobytes())
    return digest.hexdigest()[:32]


def _options(value: Any) -> str:
    """An options table as text; fields at their default, stored or not, do not count."""
    if isinstance(value, Table):
        fields = {field.name: getattr(value, field.name) for field in value.FIELDS}
        kept = {
            name: item
            for name, item in fields.items()
            if isinstance(item, (np.ndarray, list, Table)) or item != getattr(type(value), name)
        }
        return ",".join(f"{name}={_options(item)}" for name, item in kept.items())
    if isinstance(value, list):
        return f"[{';'.join(map(_options, value))}]"
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    return "" if value is None else repr(int(value) if isinstance(value, int) else value)
