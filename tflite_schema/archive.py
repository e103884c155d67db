"""The ZIP archive of associated files (labels, vocabularies) that TFLite metadata appends to a .tflite file.

An appended archive counts its offsets from the start of the whole file, so it breaks when the model before it changes
size. In memory it is kept with offsets counted from its own start: a ZIP archive like any other.
"""

from __future__ import annotations

import struct

BEGIN = b"PK\3\4"
"""What an archive begins with."""

_END, _ENTRY = b"PK\5\6", b"PK\1\2"
_END_SIZE, _ENTRY_SIZE = 22, 46


def detach(data: bytes) -> bytes:
    """`data` with offsets counted from its own start; unchanged if it is no plain ZIP archive."""
    found = _directory(data)
    return data if found is None else _shift(data, found[0] - found[1])


def attach(data: bytes, position: int) -> bytes:
    """A detached archive as it is stored at `position` of a file; anything else unchanged."""
    found = _directory(data)
    return data if found is None or found[0] != found[1] else _shift(data, position)


def _directory(data: bytes) -> tuple[int, int] | None:
    """Where the archive's directory is, and where its last record says that it is."""
    end = data.rfind(_END)
    if end < 0 or end + _END_SIZE > len(data):
        return None
    size, recorded = struct.unpack_from("<II", data, end + 12)
    return (end - size, recorded) if size <= end else None


def _shift(data: bytes, distance: int) -> bytes:
    shifted = bytearray(data)
    end = data.rfind(_END)
    count, size = struct.unpack_from("<HI", data, end + 10)
    fields, entry = [end + 16], end - size
    for _ in range(count):
        if entry + _ENTRY_SIZE > end or data[entry : entry + 4] != _ENTRY:
            return data
        fields.append(entry + 42)
        entry += _ENTRY_SIZE + sum(struct.unpack_from("<HHH", data, entry + 28))
    for field in fields:
        moved = struct.unpack_from("<I", data, field)[0] + distance
        if not 0 <= moved < 2**32:
            return data
        struct.pack_into("<I", shifted, field, moved)
    return bytes(shifted)
