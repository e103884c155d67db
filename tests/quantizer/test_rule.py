from __future__ import annotations

from typing import Any

import pytest

from qcore.errors import QuantizationError
from qcore.ir import Operator, Subgraph, Tensor
from qcore.quantizer.rule import Rule, last_match
from tflite_schema import BuiltinOperator, TensorType

TENSORS = [Tensor(name, (1,), TensorType.FLOAT32) for name in ("block1/conv", "block2/add")]
GRAPH = Subgraph("main", TENSORS, [], (), ())
CONV, ADD = Operator(BuiltinOperator.CONV_2D, (), (0,)), Operator(BuiltinOperator.ADD, (), (1,))


@pytest.mark.parametrize(
    ("fields", "matched"),
    [
        ({}, [CONV, ADD]),
        ({"operators": ["conv_2d"]}, [CONV]),
        ({"regex": "block2"}, [ADD]),
        ({"regex": "^conv"}, []),
        ({"regex": "add;$"}, [ADD]),
        ({"subgraph": 0}, [CONV, ADD]),
        ({"subgraph": 1}, []),
        ({"operators": ["ADD"], "regex": "block1"}, []),
    ],
)
def test_matches(fields: dict[str, Any], matched: list[Operator]) -> None:
    rule = Rule("float", **fields)
    assert [op for op in (CONV, ADD) if rule.matches(0, GRAPH, op)] == matched


def test_the_last_match_wins() -> None:
    rules = [Rule("float16"), Rule("float", regex="block"), Rule("dynamic_range", operators=["ADD"])]
    assert [rule.scheme for op in (CONV, ADD) if (rule := last_match(rules, 0, GRAPH, op))] == [
        "float",
        "dynamic_range",
    ]
    assert last_match(rules[:0], 0, GRAPH, ADD) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"operators": "ADD"}, "give a list of names"),
        ({"operators": ["ADDD"]}, "ADDD are no builtin operators"),
        ({"regex": "(a"}, r"regex '\(a' is none"),
        ({"regex": 3}, "regex 3 is none"),
        ({"subgraph": -1}, "subgraph is -1"),
        ({"weight_bits": 5}, "weight_bits is 5; it can be 8 or 4"),
        ({"least_elements": -1}, "a count of at least 0"),
        ({"weight_bits": 4}, "a rule of scheme float has weight_bits"),
    ],
)
def test_bad_rules(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        Rule("float", **fields)
