# ruff: noqa: D103 - the words of a declaration are explained by their module
"""What a table is, and the words its declaration is written in.

A table is declared by a class body with one field to a line, in slot order (see `tables.py`). An instance keeps in its
`__dict__` exactly the fields that are present in the file: what is set is written, even when it equals the default;
what is not set reads as the default (None for vectors, strings and tables) and is not written. `del table.field`, or
setting None, makes a field absent again.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

import numpy as np

from tflite_schema.field import TABLES, Appended, Child, Children, Field, Scalar, Tag, Text, Union, VectorField

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self, dataclass_transform

    Dtype = TypeVar("Dtype", bound=np.generic)
    Row = TypeVar("Row", bound="Table")
    Member = TypeVar("Member", bound=IntEnum)
    MaybeNone: TypeAlias = Any  # may be None; spares every reader of a sound model the check

    class Vector(Generic[Dtype]):
        """Type of a numeric vector: any sequence may be assigned, an array (or None) is read back."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> NDArray[Dtype] | None: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...
        def __set__(self, table: Table, value: ArrayLike | None) -> None: ...

    class Tables(Generic[Row]):
        """Type of a vector of tables: a list, or None when absent."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> list[Row] | MaybeNone: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...
        def __set__(self, table: Table, value: Sequence[Row] | None) -> None: ...

    class Follows(Generic[Member]):
        """Type of the tag of a union: read only."""

        @overload
        def __get__(self, table: None, owner: type[Table]) -> Self: ...
        @overload
        def __get__(self, table: Table, owner: type[Table]) -> Member: ...
        def __get__(self, table: Table | None, owner: type[Table]) -> Any: ...

else:

    def dataclass_transform(**_):
        return lambda cls: cls


def _tag_property(tag: Tag, union: str) -> property:
    def get(table: Table) -> Any:
        held = getattr(table, union)
        # A file may name a table and then leave it out; the name is kept.
        return vars(table).get(tag.name, tag.default) if held is None else tag.enum[type(held).__name__]

    return property(get)


@dataclass_transform(kw_only_default=True, eq_default=False)
class Table:
    """Base of every table. Fields are set by keyword or by attribute, and checked when set.

    `==` compares the values of all fields, absent ones as their defaults, floats and arrays bit by bit.
    """

    FIELDS: ClassVar[tuple[Any, ...]] = ()
    """The fields in slot order."""
    BY_WIDTH: ClassVar[tuple[Any, ...]] = ()
    """The fields in the order they are laid out in a file: the widest first, so that none needs padding."""
    OUTSIDE: ClassVar[tuple[Any, ...]] = ()
    """The fields whose data may be stored after the flatbuffer."""
    _by_name: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        fields: dict[str, Any] = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        cls.FIELDS = tuple(field for field in fields.values() if field.kind != "appended")
        previous = None
        for slot, (name, field) in enumerate(fields.items()):
            field.bind(cls.__name__, name, slot)
            if field.kind == "union":
                field.tag = previous
                setattr(cls, field.tag.name, _tag_property(field.tag, name))
            setattr(cls, name, field.default)
            previous = field
        cls._by_name = fields
        cls.BY_WIDTH = tuple(sorted(cls.FIELDS, key=lambda field: -field.width))
        cls.OUTSIDE = tuple(field for field in cls.FIELDS if field.kind == "vector" and field.outside)
        TABLES[cls.__name__] = cls

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._by_name.get(name)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        if value is None:
            vars(self).pop(name, None)
        else:
            vars(self)[name] = field.accept(value)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed. Fields not named are shared with the original, not copied."""
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in self._by_name)

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_show(value)}' for name, value in vars(self).items())})"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a.view(np.uint8), b.view(np.uint8))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and bool(a == b)


def _show(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if value.size <= 16 else f"<{value.dtype.name}[{value.size}]>"
    return f"{type(value).__name__}.{value.name}" if isinstance(value, IntEnum) else repr(value)


# The words of a declaration. They return Any so that `stride_w: int = int32()` is, to a type checker, a field of type
# int with a default.


def boolean(default: bool = False) -> Any:
    return Scalar("bool", "B", default)


def int8(default: int = 0) -> Any:
    return Scalar("int8", "b", default)


def int32(default: int = 0, *, deprecated: bool = False) -> Any:
    return Scalar("int32", "i", default, deprecated)


def uint32(default: int = 0) -> Any:
    return Scalar("uint32", "I", default)


def int64(default: int = 0) -> Any:
    return Scalar("int64", "q", default)


def uint64(default: int = 0) -> Any:
    return Scalar("uint64", "Q", default)


def float32(default: float = 0.0) -> Any:
    return Scalar("float32", "f", default)


def string(*, deprecated: bool = False) -> Any:
    return Text(deprecated)


def vector(dtype: type[np.generic], *, align: int = 1, outside: tuple[str, str] | None = None) -> Any:
    return VectorField(dtype, align, outside)


def appended() -> Any:
    return Appended(np.uint8)


def table(of: type[Table]) -> Any:
    return Child(of)


def tables(of: type[Table]) -> Any:
    return Children(of)


def union_type(enum: type[IntEnum]) -> Any:
    return Tag(enum)


def union() -> Any:
    return Union()
