"""The bridge between .tflite bytes and the IR: the only module that reads or writes files of models.

A schema field is either modelled by `qcore.ir` or rides untouched in an object's `extra`, under its schema name.
A vector the IR models as a tuple, but which the file leaves out, is remembered as absent and left out again; a number
that is its field's default is left out, as TFLite's own writer leaves it out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import tflite_schema as schema
from qcore.errors import ModelError
from qcore.files import replace_file
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor

__all__ = ["from_tables", "load", "save", "to_bytes", "to_tables"]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview
_ABSENT = "absent"
_PLACEHOLDER = int(schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)

# The fields the IR models; every other field of these tables rides in `extra`.
MODELLED: dict[type[schema.Table], tuple[str, ...]] = {
    schema.Model: ("version", "operator_codes", "subgraphs", "description", "buffers", "metadata", "signature_defs"),
    schema.SubGraph: ("tensors", "inputs", "outputs", "operators", "name"),
    schema.Tensor: ("shape", "type", "buffer", "name", "quantization", "is_variable", "shape_signature"),
    schema.QuantizationParameters: ("min", "max", "scale", "zero_point", "details", "quantized_dimension"),
    schema.Operator: (
        "opcode_index",
        "inputs",
        "outputs",
        "builtin_options",
        "custom_options",
        "intermediates",
    ),
}


def load(source: Source, *, unknown: Literal["error", "drop"] = "error") -> Model:
    """Read a .tflite from a path (mapped into memory, read as it is touched) or from bytes.

    Raises ModelError for a file that cannot be opened, bytes that are no .tflite, or a graph that refers to what does
    not exist; fields this schema does not know are refused unless unknown="drop".
    """
    try:
        return from_tables(schema.read(source, unknown=unknown))
    except schema.FormatError as error:
        raise ModelError(f"{_label(source)}: {error}") from error
    except OSError as error:
        raise ModelError(f"{_label(source)}: cannot be read: {error.strerror or error}") from error


def save(model: Model, path: str | os.PathLike[str]) -> int:
    """Write `model` to `path` through a temporary file in the same folder, then replace; returns the size in bytes."""
    data = to_bytes(model)
    replace_file(path, data)
    return len(data)


def to_bytes(model: Model) -> bytes:
    """The .tflite file of a model; the same model gives the same bytes."""
    return schema.write(to_tables(model))


# Reading --------------------------------------------------------------------------------------------------------------


def from_tables(tables: schema.Model) -> Model:
    """The IR of a schema tree; ModelError where an index points outside."""
    model = Model(
        subgraphs=[],
        buffers=[buffer.data for buffer in tables.buffers or []],
        description=tables.description,
        signatures=list(tables.signature_defs or []),
        metadata=list(tables.metadata or []),
        extra=_extra(tables, ("metadata", "signature_defs")),
    )
    if tables.version != 3:
        raise ModelError(f"Model.version is {tables.version}; only schema version 3 is known")
    codes = list(tables.operator_codes or [])
    model.extra["operator_codes"] = codes
    for index, table in enumerate(tables.subgraphs or []):
        model.subgraphs.append(_subgraph(table, f"subgraph {index}", codes, len(model.buffers)))
    return model


def _subgraph(table: schema.SubGraph, place: str, codes: list[schema.OperatorCode], buffers: int) -> Subgraph:
    tensors = [_tensor(t, f"{place}, tensor {i}", buffers) for i, t in enumerate(table.tensors or [])]
    operators = [
        _operator(op, f"{place}, operator {i}", codes, len(tensors)) for i, op in enumerate(table.operators or [])
    ]
    return Subgraph(
        name=table.name,
        tensors=tensors,
        operators=operators,
        inputs=_indices(table.inputs, len(tensors), f"{place}, inputs", optional=False),
        outputs=_indices(table.outputs, len(tensors), f"{place}, outputs", optional=False),
        extra=_extra(table, ("inputs", "outputs", "tensors", "operators")),
    )


def _tensor(table: schema.Tensor, place: str, buffers: int) -> Tensor:
    if table.buffer >= max(buffers, 1):
        raise ModelError(f"{place}: buffer {table.buffer} does not exist; the file has {buffers}")
    if not isinstance(table.type, schema.TensorType):
        raise ModelError(f"{place}: tensor type {int(table.type)} is not in this version of the schema")
    shape = tuple(int(n) for n in np.asarray(table.shape if table.shape is not None else ()))
    if any(n < 0 for n in shape):
        raise ModelError(f"{place}: shape {shape} has a negative dimension")
    signature = table.shape_signature
    return Tensor(
        name=table.name or "",
        shape=shape,
        type=table.type,
        buffer=table.buffer,
        quant=None if table.quantization is None else _quant(table.quantization),
        shape_signature=None if signature is None else tuple(int(n) for n in np.asarray(signature)),
        is_variable=table.is_variable,
        extra=_extra(table, ("shape", "name")),
    )


def _quant(table: schema.QuantizationParameters) -> QuantParams:
    return QuantParams(
        scale=_array(table.scale, np.float32),
        zero_point=_array(table.zero_point, np.int64),
        quantized_dimension=table.quantized_dimension,
        min=None if table.min is None else _array(table.min, np.float32),
        max=None if table.max is None else _array(table.max, np.float32),
        details=table.details,
        extra=_extra(table, ("scale", "zero_point")),
    )


def _operator(table: schema.Operator, place: str, codes: list[schema.OperatorCode], tensors: int) -> Operator:
    if table.opcode_index >= len(codes):
        raise ModelError(f"{place}: operator code {table.opcode_index} does not exist; the file has {len(codes)}")
    code = codes[table.opcode_index]
    builtin = max(int(code.builtin_code), int(code.deprecated_builtin_code))
    try:
        builtin = schema.BuiltinOperator(builtin)
    except ValueError:
        raise ModelError(f"{place}: builtin operator {builtin} is not in this version of the schema") from None
    options = table.builtin_options
    extra = _extra(table, ("inputs", "outputs", "intermediates"))
    if options is None:
        options = extra.pop("builtin_options_2", None)
    extra["opcode_index"] = table.opcode_index
    return Operator(
        code=builtin,
        inputs=_indices(table.inputs, tensors, f"{place}, inputs"),
        outputs=_indices(table.outputs, tensors, f"{place}, outputs", optional=False),
        options=options,
        version=code.version,
        custom_code=code.custom_code,
        custom_options=None if table.custom_options is None else _array(table.custom_options, np.uint8),
        intermediates=_indices(table.intermediates, tensors, f"{place}, intermediates"),
        extra=extra,
    )


def _array(values: Any, dtype: Any) -> NDArray[Any]:
    return np.zeros(0, dtype) if values is None else np.asarray(values, dtype)


def _indices(values: Any, limit: int, place: str, *, optional: bool = True) -> tuple[int, ...]:
    indices = tuple(int(index) for index in _array(values, np.int32))
    for index in indices:
        if index >= limit or index < (-1 if optional else 0):
            raise ModelError(f"{place}: tensor {index} does not exist; the graph has {limit}")
    return indices


def _extra(table: schema.Table, tuples: Sequence[str]) -> dict[str, Any]:
    """What the IR does not model, and which of the modelled vectors `tuples` the file leaves out."""
    modelled = MODELLED[type(table)]
    extra: dict[str, Any] = {
        name: value for name, value in vars(table).items() if name not in modelled and not name.endswith("_type")
    }
    absent = frozenset(name for name in tuples if getattr(table, name) is None)
    if absent:
        extra[_ABSENT] = absent
    return extra


# Writing --------------------------------------------------------------------------------------------------------------


def to_tables(model: Model) -> schema.Model:
    """The schema tree of a model."""
    codes: list[schema.OperatorCode] = list(model.extra.get("operator_codes", []))
    extra = {name: value for name, value in model.extra.items() if name not in ("operator_codes", _ABSENT)}
    subgraphs = [_subgraph_table(graph, codes) for graph in model.subgraphs]
    return schema.Model(
        version=3,
        operator_codes=codes,
        subgraphs=subgraphs,
        description=model.description,
        buffers=[schema.Buffer(data=data) for data in model.buffers],
        metadata=_unless_absent(model.metadata, "metadata", model.extra),
        signature_defs=_unless_absent(model.signatures, "signature_defs", model.extra),
        **extra,
    )


def _subgraph_table(graph: Subgraph, codes: list[schema.OperatorCode]) -> schema.SubGraph:
    return schema.SubGraph(
        tensors=_unless_absent([_tensor_table(t) for t in graph.tensors], "tensors", graph.extra),
        inputs=_unless_absent(np.array(graph.inputs, np.int32), "inputs", graph.extra),
        outputs=_unless_absent(np.array(graph.outputs, np.int32), "outputs", graph.extra),
        operators=_unless_absent([_operator_table(op, codes) for op in graph.operators], "operators", graph.extra),
        name=graph.name,
        **_rest(graph.extra),
    )


def _tensor_table(tensor: Tensor) -> schema.Tensor:
    signature = tensor.shape_signature
    return schema.Tensor(
        shape=_unless_absent(np.array(tensor.shape, np.int32), "shape", tensor.extra),
        name=_unless_absent(tensor.name, "name", tensor.extra),
        quantization=None if tensor.quant is None else _quant_table(tensor.quant),
        shape_signature=None if signature is None else np.array(signature, np.int32),
        **_nonzero(type=tensor.type, buffer=tensor.buffer, is_variable=tensor.is_variable),
        **_rest(tensor.extra),
    )


def _quant_table(quant: QuantParams) -> schema.QuantizationParameters:
    return schema.QuantizationParameters(
        min=quant.min,
        max=quant.max,
        scale=_unless_absent(quant.scale, "scale", quant.extra),
        zero_point=_unless_absent(quant.zero_point, "zero_point", quant.extra),
        details=quant.details,
        **_nonzero(quantized_dimension=quant.quantized_dimension),
        **_rest(quant.extra),
    )


def _operator_table(op: Operator, codes: list[schema.OperatorCode]) -> schema.Operator:
    options: dict[str, Any] = {}
    if op.options is not None:
        second = type(op.options).__name__ in schema.BuiltinOptions2.__members__
        options["builtin_options_2" if second else "builtin_options"] = op.options
    extra = {name: value for name, value in _rest(op.extra).items() if name != "opcode_index"}
    return schema.Operator(
        inputs=_unless_absent(np.array(op.inputs, np.int32), "inputs", op.extra),
        outputs=_unless_absent(np.array(op.outputs, np.int32), "outputs", op.extra),
        custom_options=op.custom_options,
        intermediates=_unless_absent(np.array(op.intermediates, np.int32), "intermediates", op.extra)
        if op.intermediates or _ABSENT in op.extra
        else None,
        **_nonzero(opcode_index=_code_index(op, codes)),
        **options,
        **extra,
    )


def _code_index(op: Operator, codes: list[schema.OperatorCode]) -> int:
    """The index of the operator's code in the file's list; a code that is not there yet is appended."""
    wanted = (int(op.code), op.version, op.custom_code)

    def key(code: schema.OperatorCode) -> tuple[int, int, str | None]:
        return max(int(code.builtin_code), int(code.deprecated_builtin_code)), code.version, code.custom_code

    remembered = op.extra.get("opcode_index")
    if remembered is not None and remembered < len(codes) and key(codes[remembered]) == wanted:
        return int(remembered)
    for index, code in enumerate(codes):
        if key(code) == wanted:
            return index
    codes.append(
        schema.OperatorCode(
            builtin_code=op.code,
            deprecated_builtin_code=min(int(op.code), _PLACEHOLDER),
            version=op.version,
            custom_code=op.custom_code,
        )
    )
    return len(codes) - 1


def _unless_absent(value: Any, name: str, extra: dict[str, Any] | Any) -> Any:
    """`value`, or None where it is empty and the file it came from leaves the field out."""
    return None if len(value) == 0 and name in extra.get(_ABSENT, ()) else value


def _nonzero(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _rest(extra: Any) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != _ABSENT}


def _label(source: Source) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else "model"
