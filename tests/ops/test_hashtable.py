from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import QCoreError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests import strategies
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tests.one_op import InModel, OneOp, matches_reference
from tflite_schema import (
    BuiltinOperator,
    HashtableFindOptions,
    HashtableImportOptions,
    HashtableOptions,
    HashtableSizeOptions,
    TensorType,
)

TYPES = {np.dtype(np.int64): TensorType.INT64, np.dtype(object): TensorType.STRING}


def strings(*texts: bytes) -> Any:
    y = np.empty(len(texts), object)
    y[:] = texts
    return y


def table_model(imports: list[tuple[Any, Any]], keys: Any, default: Any, swapped: bool = False) -> Model:
    """Imports each pair of keys and values, looks `keys` up, and asks for the size."""
    model = empty_model()
    main = GraphBuilder(model, "main")
    key_type, value_type = TYPES[keys.dtype], TYPES[default.dtype]
    handle = main.tensor(TensorType.RESOURCE, (1,))
    types = (value_type, key_type) if swapped else (key_type, value_type)
    options = HashtableOptions(table_id=1, key_dtype=types[0], value_dtype=types[1])
    main.op(BuiltinOperator.HASHTABLE, [], [handle], options)
    for stored_keys, stored_values in imports:
        operands = [handle, main.tensor(key_type, value=stored_keys), main.tensor(value_type, value=stored_values)]
        main.op(BuiltinOperator.HASHTABLE_IMPORT, operands, [], HashtableImportOptions())
    wanted = main.tensor(key_type, keys.shape)
    found, size = main.tensor(value_type, keys.shape), main.tensor(np.int64, (1,))
    fallback = main.tensor(value_type, value=default)
    main.op(BuiltinOperator.HASHTABLE_FIND, [handle, wanted, fallback], [found], HashtableFindOptions())
    main.op(BuiltinOperator.HASHTABLE_SIZE, [handle], [size], HashtableSizeOptions())
    main.done([wanted], [found, size])
    return model


WORDS = [b"", b"a", b"b", b"ab", b"\x00", b"long word"]
NUMBERS, TEXTS = np.array([7, -1, 2**40], np.int64), strings(b"seven", b"", b"large")


@st.composite
def tables(draw: st.DrawFn, code: BuiltinOperator, dtype: Any) -> OneOp:
    """Texts by number or numbers by text, imported once or twice; keys that are there and keys that are not."""
    words, numbers = st.sampled_from(WORDS), st.integers(-3, 3)

    def column(kind: Any, size: int) -> Any:
        if kind is object:
            return strings(*draw(st.lists(words, min_size=size, max_size=size)))
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size)), np.int64)

    other = np.int64 if dtype is object else object
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=2))
    imports = [(column(dtype, size), column(other, size)) for size in sizes]
    keys = column(dtype, draw(strategies.batch(6)))
    model = table_model(imports, keys, column(other, 1))
    return InModel.of(code, model, [keys], invocations=draw(st.integers(1, 2)), optimized=True)


def cases(code: BuiltinOperator) -> dict[str, st.SearchStrategy[OneOp]]:
    """The `CASES` of the hash table operators, by the type of the keys."""
    return {"int64": tables(code, np.int64), "string": tables(code, object)}


CASES = cases(BuiltinOperator.HASHTABLE)
test_matches_reference = matches_reference(CASES)


def test_a_table_from_numbers_to_texts() -> None:
    keys = np.array([[2**40, 3], [7, -1]], np.int64)
    model = table_model([(NUMBERS, TEXTS)], keys, strings(b"none"))
    found, size = same_as_tflite(model, [keys], optimized=True)
    assert found.tolist() == [[b"large", b"none"], [b"seven", b""]]
    assert size.tolist() == [3]


def test_a_table_is_made_anew_by_each_interpreter_only() -> None:
    keys = np.array([7], np.int64)
    model = table_model([(NUMBERS, TEXTS)], keys, strings(b"none"))
    assert same_as_tflite(model, [keys], 3, optimized=True)[1].tolist() == [3]


@pytest.mark.parametrize(
    ("keys", "default", "swapped", "message"),
    [
        (NUMBERS, NUMBERS, False, "tables from INT64 to INT64"),
        (NUMBERS, TEXTS[:1], True, "is no table of these types"),
    ],
)
def test_refusals(keys: Any, default: Any, swapped: bool, message: str) -> None:
    model = table_model([], keys, default[:1], swapped)
    with pytest.raises(QCoreError, match=message):
        Interpreter(model).run([keys])
