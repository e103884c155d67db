"""Where the models are, and what must hold for every model."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tflite_schema import (
    TABLES,
    Model,
    Table,
    read,
    write,
)

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
FILES = sorted(SHARED.glob("*.tflite"))
needs_models = pytest.mark.skipif(not FILES, reason=f"no models in {SHARED}")


def presence(table: Table) -> Any:
    """Which fields are present, all the way down."""
    return {
        name: [presence(row) for row in value]
        if isinstance(value, list)
        else isinstance(value, Table) and presence(value)
        for name, value in vars(table).items()
    }


def check_alignment(data: bytes, table: type[Table] = Model, position: int | None = None) -> None:
    """Every scalar, offset, vtable and element lies at a multiple of its own size, weights at a multiple of 16."""

    def number(code: str, at: int) -> int:
        assert at % struct.calcsize(code) == 0
        value: int = struct.unpack_from("<" + code, data, at)[0]
        return value

    if position is None:
        position = number("I", 0)
    vtable = position - number("i", position)
    slots = (number("H", vtable) - 4) // 2
    tag = 0
    for field in table.FIELDS[:slots]:
        offset = number("H", vtable + 4 + 2 * field.slot)
        if not offset:
            continue
        at = position + offset
        assert at % field.width == 0, field.name
        if field.kind == "tag":
            tag = data[at]
        elif field.kind != "scalar":
            start = at + number("I", at)
            if field.kind == "vector":
                assert number("I", start) == 0 or (start + 4) % max(field.align, field.dtype.itemsize) == 0, field.name
            elif field.kind == "text":
                assert data[start + 4 + number("I", start)] == 0
            elif field.kind == "children":
                rows = range(start + 4, start + 4 + 4 * number("I", start), 4)
                for row in rows:
                    check_alignment(data, field.of, row + number("I", row))
            else:
                of = field.of if field.kind == "child" else TABLES[field.tag.enum(tag).name]
                check_alignment(data, of, start)


def check_roundtrip(model: Model, limit: int = 2**31 - 1) -> bytes:
    data = write(model, flatbuffer_limit=limit)
    check_alignment(data)
    again = read(data)
    assert again == model
    assert presence(again) == presence(model)
    assert write(again, flatbuffer_limit=limit) == data
    return data
