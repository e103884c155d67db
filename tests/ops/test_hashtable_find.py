from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from tests import oracle
from tests.graphs import GraphBuilder, content, empty_model
from tests.one_op import matches_reference
from tests.ops.test_hashtable import cases, strings, table_model
from tflite_schema import BuiltinOperator, HashtableFindOptions, TensorType

CASES = cases(BuiltinOperator.HASHTABLE_FIND)
test_matches_reference = matches_reference(CASES)


def test_a_handle_of_nothing_is_refused() -> None:
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle = main.tensor(TensorType.RESOURCE, (1,))
    keys, found = main.tensor(np.int64, (1,)), main.tensor(TensorType.STRING, (1,))
    default = main.tensor(TensorType.STRING, value=strings(b""))
    main.op(BuiltinOperator.VAR_HANDLE, [], [handle])
    main.op(BuiltinOperator.HASHTABLE_FIND, [handle, keys, default], [found], HashtableFindOptions())
    main.done([keys], [found])
    with pytest.raises(ModelError, match="HASHTABLE_FIND: variable / is used before anything was put into it"):
        Interpreter(model).run([np.zeros(1, np.int64)])


def test_a_table_nothing_was_imported_into_is_refused() -> None:
    keys = np.zeros(1, np.int64)
    model = table_model([], keys, strings(b""))
    with pytest.raises(RuntimeError):
        oracle.outputs(content(model), [keys], kernels="optimized")
    with pytest.raises(ModelError, match="HASHTABLE_FIND: nothing was imported into the table yet"):
        Interpreter(model).run([keys])
