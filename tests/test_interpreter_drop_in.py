"""The methods of tf.lite.Interpreter and ours: the same questions, equal answers or errors. See `questions`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qcore import Interpreter
from qcore.ir import Model, Operator, Subgraph
from tests import oracle
from tests.graphs import chain_of_adds, content, int8_add, values
from tests.questions import Question, allocate, allocated, ask, get, invoke, resize, same_answer, sequence, set_to
from tflite_schema import AddOptions, BuiltinOperator, SignatureDef, TensorMap

X = values([1, 2, 3])


def shapes(i: Any) -> Any:
    return [(d["shape"], d["shape_signature"]) for d in i.get_tensor_details()]


def runner(i: Any, key: str | None = None) -> Any:
    return i.get_signature_runner(key)


# A chain of float ADDs: tensors x, one (constant), middle, y --------------------------------------------------------

CHAIN: dict[str, Question] = {
    "invoke before allocate": invoke,
    "get a result before allocate": get(3),
    "get an input before allocate": get(0),
    "get a constant before allocate": get(1),
    "set before allocate": set_to(X),
    "reset before allocate": lambda i: i.reset_all_variables(),
    "view before allocate": lambda i: i.tensor(0)(),
    "calls return nothing": allocated(
        lambda i: [i.allocate_tensors(), i.set_tensor(0, X), i.invoke(), i.reset_all_variables()]
    ),
    "get 99": allocated(get(99)),
    "get -1": allocated(get(-1)),
    "get at a NumPy index": allocated(get(np.uint8(1))),  # type: ignore[arg-type]
    "get at True": allocated(get(True)),
    "get at a float": allocated(get(1.0)),  # type: ignore[arg-type]
    "get at text": allocated(get("x")),  # type: ignore[arg-type]
    "get of subgraph 1": allocated(get(1, 1)),
    "get of subgraph -1": allocated(get(1, -1)),
    "get of subgraph 0": allocated(get(1, 0)),
    "view of 99": allocated(lambda i: i.tensor(99)()),
    "a function for 99": allocated(lambda i: callable(i.tensor(99))),
    "set 99": allocated(set_to(X, 99)),
    "set float64": allocated(set_to(X.astype(np.float64))),
    "set int32": allocated(set_to(X.astype(np.int32))),
    "set another rank": allocated(set_to(X[0])),
    "set another shape": allocated(set_to(X.T.copy())),
    "set a list of float": allocated(set_to([[1.0, 2.0, 3.0]])),
    "set a list of float32": allocated(set_to([[np.float32(1), np.float32(2), np.float32(3)]]), get(0)),
    "set None": allocated(set_to(None)),
    "set text": allocated(set_to("text")),
    "set ragged lists": allocated(set_to([[1.0], [2.0, 3.0]])),
    "set a strided array": allocated(set_to(np.arange(6, dtype=np.float32).reshape(1, 6)[:, ::2]), get(0)),
    "set a constant": allocated(set_to(X), set_to(np.array([5], np.float32), 1), invoke, get(3)),
    "set an output": allocated(set_to(X, 3), get(3)),
    "an input keeps its value": allocated(set_to(X), allocate, get(0)),
    "invoke twice": allocated(set_to(X), invoke, invoke, get(3)),
    "what get gives is one's own": allocated(set_to(X), lambda i: i.get_tensor(0).fill(7), get(0)),
    "a view can be written": allocated(lambda i: i.tensor(0)().fill(7), invoke, get(3)),
    "resize 99": resize(99, [1, 3]),
    "resize -1": resize(-1, [1, 3]),
    "resize to a negative size": resize(0, [-1, 3]),
    "resize to a number": resize(0, 3),
    "resize to a matrix": resize(0, [[1, 3]]),
    "resize to floats": sequence(resize(0, [2.7, 3.0]), allocate, shapes),
    "resize to nothing": sequence(resize(0, [0, 3]), allocate, set_to(np.zeros((0, 3), np.float32)), invoke, get(3)),
    "resize to a scalar": sequence(resize(0, []), allocate, set_to(np.float32(4)), get(0)),
    "resize to the same": allocated(resize(0, [1, 3]), set_to(X), invoke, get(3)),
    "resize an intermediate": sequence(resize(2, [5, 5]), allocate, shapes),
    "resize an output": sequence(resize(0, [2, 3]), resize(3, [2, 3]), allocate, shapes),
    "resize an output after allocate": allocated(resize(3, [9]), invoke),
    "resize a constant to the same": resize(1, [1]),
    "resize a constant": resize(1, [2]),
    "resize, then invoke": allocated(set_to(X), invoke, resize(0, [2, 3]), invoke),
    "resize, then get the output": allocated(set_to(X), invoke, resize(0, [2, 3]), get(3)),
    "resize, then get the input": allocated(set_to(X), invoke, resize(0, [2, 3]), get(0)),
    "resize, then set": allocated(resize(0, [2, 3]), set_to(np.ones((2, 3), np.float32))),
    "resize, then shapes": allocated(set_to(X), invoke, resize(0, [2, 3]), shapes),
    "resize after invoke": allocated(
        set_to(X), invoke, resize(0, [2, 3]), allocate, set_to(np.ones((2, 3), np.float32)), invoke, get(3)
    ),
    "strict: the same": resize(0, [1, 3], True),
    "strict: another size": resize(0, [2, 3], True),
    "strict: another rank": resize(0, [1, 3, 1], True),
    "shapes": shapes,
    "inputs": lambda i: i.get_input_details(),
    "outputs": lambda i: i.get_output_details(),
    "graphs": lambda i: i.num_subgraphs(),
    "details of subgraph 0": lambda i: i.get_tensor_details(subgraph_index=0),
    "details of subgraph 1": lambda i: i.get_tensor_details(1),
    "details of subgraph -1": lambda i: i.get_tensor_details(-1),
    "signatures": lambda i: i.get_signature_list(),
    "signature inputs": lambda i: runner(i).get_input_details(),
    "signature outputs": lambda i: runner(i).get_output_details(),
    "no such signature": lambda i: runner(i, "other"),
    "a signature without a name": lambda i: runner(i, ""),
    "call": lambda i: runner(i)(a=X),
    "call with another shape": lambda i: runner(i)(a=np.ones((4, 3), np.float32)),
    "call with a number": lambda i: runner(i)(a=np.float32(2)),
    "call, then shapes": sequence(lambda i: runner(i)(a=np.ones((4, 3), np.float32)), shapes),
    "call, then invoke": sequence(lambda i: runner(i)(a=np.ones((4, 3), np.float32)), invoke, get(3)),
    "call without inputs": lambda i: runner(i)(),
    "call with an unknown input": lambda i: runner(i)(b=X),
    "call with one too many": lambda i: runner(i)(a=X, b=X),
    "call with float64": lambda i: runner(i)(a=X.astype(np.float64)),
    "call by position": lambda i: runner(i)(X),
}


@pytest.mark.parametrize("name", CHAIN)
def test_a_chain_of_adds(name: str) -> None:
    same_answer(content(chain_of_adds()), CHAIN[name])


OF_SHAPES = [name for name in CHAIN if name.startswith(("strict", "shapes", "resize", "signature", "call"))]


@pytest.mark.parametrize("signature", [(-1, 3), (-1, -1), (-1,), ()], ids=str)
def test_a_chain_of_adds_with_a_shape_signature(signature: tuple[int, ...]) -> None:
    for name in OF_SHAPES:
        same_answer(content(chain_of_adds(signature=signature)), CHAIN[name])


# Signatures ---------------------------------------------------------------------------------------------------------


def signature(key: str | None, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> SignatureDef:
    tables = [[TensorMap(name=name, tensor_index=index) for name, index in maps.items()] for maps in (inputs, outputs)]
    return SignatureDef(signature_key=key, subgraph_index=subgraph, inputs=tables[0], outputs=tables[1])


def two_graphs() -> bytes:
    model, second = chain_of_adds(), chain_of_adds().main
    second.operators[1] = Operator(BuiltinOperator.ADD, (2, 2), (3,), AddOptions())
    model.subgraphs.append(second)
    model.signatures.append(signature("doubled", {"x": 0}, {"y": 3}, 1))
    return content(model)


def unsorted_names() -> bytes:
    model = int8_add()
    model.signatures = [signature("s", {"z": 0, "b": 1}, {"q": 2, "c": 0}), signature("a", {}, {})]
    return content(model)


def foreign_tensor() -> bytes:
    model = chain_of_adds()
    model.signatures = [signature("s", {"a": 77}, {"q": 3})]
    return content(model)


INT8 = np.ones((2, 4), np.int8)
SIGNATURES: dict[str, tuple[Callable[[], bytes], Question]] = {
    "two: list": (two_graphs, lambda i: i.get_signature_list()),
    "two: none named": (two_graphs, runner),
    "two: call": (two_graphs, lambda i: runner(i, "doubled")(x=X)),
    "two: details": (two_graphs, lambda i: runner(i, "doubled").get_output_details()),
    "two: get of the other": (two_graphs, sequence(lambda i: runner(i, "doubled")(x=X), get(3, 1))),
    "two: get before": (two_graphs, get(3, 1)),
    "two: get after allocate": (two_graphs, allocated(get(3, 1))),
    "two: invoke after the other": (two_graphs, sequence(lambda i: runner(i, "doubled")(x=X), invoke)),
    "two: details of graph 1": (two_graphs, lambda i: i.get_tensor_details(1)),
    "two: graphs": (two_graphs, lambda i: i.num_subgraphs()),
    "order: list": (unsorted_names, lambda i: [i.get_signature_list(), list(i.get_signature_list())]),
    "order: results": (unsorted_names, lambda i: list(runner(i, "s")(z=INT8, b=INT8))),
    "order: details": (unsorted_names, lambda i: list(runner(i, "s").get_input_details())),
    "foreign: list": (foreign_tensor, lambda i: i.get_signature_list()),
    "foreign: details": (foreign_tensor, lambda i: runner(i, "s").get_input_details()),
    "foreign: call": (foreign_tensor, lambda i: runner(i, "s")(a=X)),
    "none: list": (lambda: content(int8_add()), lambda i: i.get_signature_list()),
    "none: runner": (lambda: content(int8_add()), runner),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    make, question = SIGNATURES[name]
    same_answer(make(), question)


def test_a_graph_of_nothing() -> None:
    model = content(Model([Subgraph("main", [], [], (), ())]))
    same_answer(model, allocated(invoke, lambda i: [i.get_input_details(), i.get_tensor_details()]))


# The constructor ------------------------------------------------------------------------------------------------------


def resolver(name: str) -> Any:
    return getattr(oracle.tensorflow().lite.experimental.OpResolverType, name)


CONSTRUCTORS: dict[str, Callable[[Path, bytes], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "a path": lambda path, model: ((path,), {}),
    "a path as text": lambda path, model: ((str(path),), {}),
    "no such path": lambda path, model: ((path.with_suffix(".none"),), {}),
    "a folder": lambda path, model: ((path.parent,), {}),
    "an empty path": lambda path, model: (("",), {}),
    "content": lambda path, model: ((), {"model_content": model}),
    "no content": lambda path, model: ((), {"model_content": b""}),
    "not a model": lambda path, model: ((), {"model_content": b"not a model at all"}),
    "nothing": lambda path, model: ((), {}),
    "both": lambda path, model: ((path, model), {}),
    "0 threads": lambda path, model: ((path,), {"num_threads": 0}),
    "4 threads": lambda path, model: ((path,), {"num_threads": 4}),
    "1.5 threads": lambda path, model: ((path,), {"num_threads": 1.5}),
    "a resolver": lambda path, model: ((path,), {"experimental_op_resolver_type": resolver("AUTO")}),
    "no resolver": lambda path, model: ((path,), {"experimental_op_resolver_type": 2}),
    "no delegates": lambda path, model: ((path,), {"experimental_delegates": []}),
    "preserve": lambda path, model: ((path,), {"experimental_preserve_all_tensors": True}),
    "clustering": lambda path, model: ((path,), {"experimental_disable_delegate_clustering": True}),
    "latest": lambda path, model: ((path,), {"experimental_default_delegate_latest_features": True}),
    "by position": lambda path, model: ((path, None, None, 2, resolver("BUILTIN_REF"), True, True, False), {}),
    "unknown": lambda path, model: ((path,), {"something": True}),
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_the_constructor(name: str, tmp_path: Path) -> None:
    model = content(chain_of_adds())
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    arguments, named = CONSTRUCTORS[name](path, model)
    tf_lite = oracle.tensorflow().lite.Interpreter
    theirs = ask(lambda: tf_lite(*arguments, **named), lambda i: True)
    ours = ask(lambda: Interpreter(*arguments, **named), lambda i: True)
    if isinstance(theirs, Exception):
        assert isinstance(ours, ValueError if isinstance(theirs, ValueError) else TypeError)
    else:
        assert ours is theirs is True


def test_what_tf_lite_has_we_have() -> None:
    theirs = oracle.interpreter(content(chain_of_adds()))
    ours = Interpreter(content(chain_of_adds()))
    for mine, reference in ((ours, theirs), (ours.get_signature_runner(), theirs.get_signature_runner())):
        assert {name for name in dir(reference) if not name.startswith("_")} <= set(dir(mine))


def test_a_result_nobody_wrote_is_refused_where_tf_lite_shows_its_memory() -> None:
    for_us = ask(lambda: Interpreter(chain_of_adds()), allocated(get(3)))
    assert isinstance(for_us, RuntimeError)
    assert isinstance(for_us, ValueError)
    assert "no value yet" in str(for_us)
