from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tests.one_op import matches_reference
from tests.ops.test_hashtable import NUMBERS, TEXTS, cases, strings, table_model
from tflite_schema import BuiltinOperator, HashtableOptions, HashtableSizeOptions, TensorType

CASES = cases(BuiltinOperator.HASHTABLE_SIZE)
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_entries(count: int) -> None:
    model = table_model([(NUMBERS[:count], TEXTS[:count])], NUMBERS, strings(b""))
    assert same_as_tflite(model, [NUMBERS], optimized=True)[1].tolist() == [count]


def test_a_table_nothing_was_imported_into_has_none() -> None:
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle, size = main.tensor(TensorType.RESOURCE, (1,)), main.tensor(np.int64, (1,))
    options = HashtableOptions(table_id=1, key_dtype=TensorType.INT64, value_dtype=TensorType.STRING)
    main.op(BuiltinOperator.HASHTABLE, [], [handle], options)
    main.op(BuiltinOperator.HASHTABLE_SIZE, [handle], [size], HashtableSizeOptions())
    main.done([], [size])
    assert same_as_tflite(model, [], optimized=True)[0].tolist() == [0]


def test_the_result_is_int64() -> None:
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle, size = main.tensor(TensorType.RESOURCE, (1,)), main.tensor(np.int32, (1,))
    options = HashtableOptions(table_id=1, key_dtype=TensorType.INT64, value_dtype=TensorType.STRING)
    main.op(BuiltinOperator.HASHTABLE, [], [handle], options)
    main.op(BuiltinOperator.HASHTABLE_SIZE, [handle], [size], HashtableSizeOptions())
    main.done([], [size])
    with pytest.raises(ModelError, match="the result is INT32, expected INT64"):
        Interpreter(model).allocate_tensors()
