from __future__ import annotations

import re

import pytest

from qcore.op_versions import LOWEST_VERSIONS, RUNTIME_VERSIONS, minimum_runtime_version, registered_versions
from tests import oracle
from tests.graphs import content, one_operator
from tests.quantizer.converter import FloatGraph, converted
from tflite_schema import BuiltinOperator, GeluOptions

NO_OPERATORS = (BuiltinOperator.CUSTOM, BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES, BuiltinOperator.DELEGATE)


def test_every_name_is_an_operator_and_every_runtime_a_version() -> None:
    for name, runtimes in RUNTIME_VERSIONS.items():
        assert name in BuiltinOperator.__members__
        assert all(re.fullmatch(r"-|[12]\.\d+\.\d+", runtime) for runtime in runtimes.split())


def test_the_lowest_versions_are_of_operators() -> None:
    assert set(LOWEST_VERSIONS) <= set(BuiltinOperator.__members__)


def test_the_latest_counts_by_number() -> None:
    """1.14 is later than 1.5; what is not in the table does not count."""
    add, conv = BuiltinOperator.ADD, BuiltinOperator.CONV_2D
    assert minimum_runtime_version([(add, 1), (conv, 3)]) == "1.14.0"
    assert minimum_runtime_version([(conv, 3), (add, 1)]) == "1.14.0"
    assert minimum_runtime_version([(BuiltinOperator.BROADCAST_TO, 1), (add, 99), (add, -9)]) == ""


@pytest.mark.parametrize(("name", "options"), [("GELU", GeluOptions()), ("ABS", None), ("RELU", None)])
def test_equals_the_converters(name: str, options: object) -> None:
    graph = FloatGraph()
    theirs = converted(graph.model(graph.op(name, [graph.input((2, 3))], (2, 3), options=options)))
    stored = theirs.buffers[int(theirs.metadata[0].buffer)]
    assert stored is not None
    expected = stored.tobytes().rstrip(b"\0").decode()
    assert minimum_runtime_version((op.code, op.version) for op in theirs.main.operators) == expected


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
def test_registered_versions_are_those_that_tensorflow_finds(resolver: str) -> None:
    """The lowest, the highest, and none beyond them."""
    lite = oracle.tensorflow().lite
    kernels = {"experimental_op_resolver_type": lite.experimental.OpResolverType[resolver]}
    wrong = []
    for code in BuiltinOperator:
        known = registered_versions(code.name, reference=resolver == "BUILTIN_REF")
        asked = {1} if not known else {known[0] - 1, known[0], known[-1], known[-1] + 1}
        for version in asked:
            try:
                lite.Interpreter(model_content=content(one_operator(code, version)), **kernels)
                there = True
            except (RuntimeError, ValueError) as error:
                there = "Didn't find op" not in str(error)
            if code not in NO_OPERATORS and there != (version in known):
                wrong.append((code.name, version))
    assert wrong == []
