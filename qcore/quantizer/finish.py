"""What concerns the whole file: buffers that hold the same bytes are shared, and the metadata the converter writes.

TensorFlow: python/convert.py, deduplicate_readonly_buffers; tools/versioning/runtime_version.cc
"""

from __future__ import annotations

from qcore.ir import Model
from qcore.op_versions import RUNTIME_VERSION_KEY, runtime_version_content
from tflite_schema import Metadata

__all__ = ["set_metadata", "share_equal_buffers"]


def share_equal_buffers(model: Model) -> None:
    """Let constants of equal bytes share a buffer; the others become empty.

    Buffers of graph outputs do not count. Of equal ones the first in the file is kept.
    """
    constants: set[int] = set()
    for graph in model.subgraphs:
        border = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if model.is_constant(tensor) and index not in border:
                constants.add(tensor.buffer)
    kept: dict[bytes, int] = {}
    shared: dict[int, int] = {}
    for buffer in sorted(constants):
        data = model.buffers[buffer]
        if data is not None and data.size:
            first = kept.setdefault(data.tobytes(), buffer)
            if first != buffer:
                shared[buffer] = first
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = shared.get(tensor.buffer, tensor.buffer)
    for buffer in shared:
        model.buffers[buffer] = None


def set_metadata(result: Model, source: Model) -> None:
    """Carry the metadata over, sorted by name, then the lowest runtime version that knows all operators."""
    entries = sorted(
        (entry for entry in source.metadata if entry.name != RUNTIME_VERSION_KEY), key=lambda entry: entry.name or ""
    )
    result.metadata = []
    for entry in entries:
        result.buffers.append(source.buffers[int(entry.buffer)])
        result.metadata.append(entry.replace(buffer=len(result.buffers) - 1))
    content = runtime_version_content(result)
    result.metadata.append(Metadata(name=RUNTIME_VERSION_KEY, buffer=result.add_buffer(content)))
