from __future__ import annotations

import numpy as np

from qcore import Interpreter, load
from qcore.frontends.canonical import canonical
from qcore.ir import Model, Operator, Subgraph, Tensor
from qcore.tflite import to_bytes
from tests.graphs import chain_of_adds
from tflite_schema import BuiltinOperator, HashtableOptions, Metadata, TensorType


def noisy(count: int, hash_: bytes, table: int) -> Model:
    """A model with what TensorFlow numbers: branches of conditions, a table, a hash in the middle of the buffers."""
    model = chain_of_adds()
    model.metadata = [Metadata(name="CONVERSION_METADATA", buffer=model.add_buffer(hash_))]
    model.metadata.append(Metadata(name="min_runtime_version", buffer=model.add_buffer(b"1.5.0")))
    for branch in ("true", "false", "true"):
        name = f"cond_{branch}_{count}"
        buffer = model.add_buffer(np.zeros(1, np.float32))
        tensors = [
            Tensor(f"{name}_arg0", (1,), TensorType.FLOAT32, buffer=buffer - buffer),
            Tensor("arg", (1,), TensorType.INT32),
        ]
        options = HashtableOptions(table_id=table)
        model.subgraphs.append(
            Subgraph(name, tensors, [Operator(BuiltinOperator.HASHTABLE, (), (1,), options)], (0,), (0,))
        )
        count += 10
    return model


def test_what_differs_from_conversion_to_conversion_goes() -> None:
    first, second = noisy(90, b"one", -7), noisy(15900, b"another", 1216052818)
    assert to_bytes(first) != to_bytes(second)
    assert to_bytes(canonical(first)) == to_bytes(canonical(second))
    assert first.subgraphs[1].name == "cond_true_90", "the model given is left alone"


def test_what_the_model_is_stays() -> None:
    model = noisy(90, b"one", -7)
    result = load(to_bytes(canonical(model)))
    assert [graph.name for graph in result.subgraphs[1:]] == ["cond_true", "cond_false", "cond_true_2"]
    assert [graph.tensors[0].name for graph in result.subgraphs[1:]] == [
        "cond_true_arg0",
        "cond_false_arg0",
        "cond_true_2_arg0",
    ]
    assert [entry.name for entry in result.metadata] == ["min_runtime_version"]
    version = result.buffers[int(result.metadata[0].buffer)]
    assert version is not None
    assert version.tobytes() == b"1.5.0"
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(Interpreter(result).run(x)[0], Interpreter(chain_of_adds()).run(x)[0])


def test_names_that_a_signature_runs_are_kept() -> None:
    model = noisy(90, b"one", -7)
    model.signatures = [model.signatures[0].replace(subgraph_index=2, signature_key="kept", inputs=[], outputs=[])]
    assert [graph.name for graph in canonical(model).subgraphs[1:]] == ["cond_true", "cond_false_100", "cond_true_2"]
