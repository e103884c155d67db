"""Random tables: any field present or absent, any value its storage can hold."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tflite_schema import TABLES, Model, Table

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
_RANGES = {"int8": (-128, 127), "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_RANGES |= {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def _scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.storage == "bool":
        return st.booleans()
    if field.storage == "float32":
        return st.floats(width=32) | st.sampled_from([_float(0x7FC00001), _float(0xFFC12345), field.default])
    numbers = st.integers(*_RANGES[field.storage]) | st.just(field.default)
    return numbers | st.sampled_from(list(field.enum)) if field.enum else numbers


def _vector(field: Any) -> st.SearchStrategy[Any]:
    if field.dtype == np.bool_:
        return st.lists(st.booleans(), max_size=5).map(lambda values: np.array(values, np.bool_))
    size = field.dtype.itemsize
    whole = st.binary(max_size=40).map(lambda data: data[: len(data) // size * size])
    return whole.map(lambda data: np.frombuffer(data, field.dtype))


def _value(field: Any) -> st.SearchStrategy[Any]:
    if field.kind == "scalar":
        return _scalar(field)
    if field.kind == "text":
        return _TEXT
    if field.kind == "vector":
        return _vector(field)
    if field.kind == "child":
        return rows(field.of)
    if field.kind == "children":
        return st.lists(rows(field.of), max_size=3)
    return st.sampled_from([name for name in field.tag.enum.__members__ if name in TABLES]).flatmap(
        lambda name: rows(TABLES[name])
    )


def rows(table: type[Table]) -> st.SearchStrategy[Any]:
    """Instances of `table`. Where data is stored after the flatbuffer is the writer's to say, so never set here."""
    worked_out = {name for field in table.OUTSIDE for name in field.outside}
    fields = [field for field in table.FIELDS if field.kind != "tag" and field.name not in worked_out]
    values = {field.name: _value(field) for field in fields}
    return st.fixed_dictionaries({}, optional=values).map(lambda chosen: table(**chosen))


models: st.SearchStrategy[Model] = rows(Model)
