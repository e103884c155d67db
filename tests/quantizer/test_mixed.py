"""Recipes with rules: TFLite runs the files to our integers, and each operator has what its rule says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.quantizer import Recipe, Rule, quantize
from qcore.quantizer.rule import ISLAND_SCHEMES
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph, calibrated
from tests.quantizer.int16x8.converter import run_equal
from tests.quantizer.test_single_operators import transpose_conv
from tests.quantizer.weights.graphs import CASES, build, svdf
from tflite_schema import AddOptions, FullyConnectedOptions

RULES = [
    Rule("float", operators=["ADD"]),
    Rule("float16", regex="^fully_connected_1;"),
    Rule("dynamic_range", regex="^fully_connected_2;"),
    Rule("weight_only_int8", regex="^fully_connected_3;", weight_bits=4, per_channel=False),
    Rule("dynamic_range", regex="^fully_connected_4;", weight_bits=4),
]


def layers(count: int = 6, size: int = 32) -> Model:
    """Dense layers one after the other, and an ADD."""
    g = FloatGraph(1, (-4.0, 4.0))
    x = g.input((2, size))
    for _ in range(count):
        w = g.random(size, size, spread=0.2)
        x = g.op("FULLY_CONNECTED", [x, w, g.random(size)], (2, size), options=FullyConnectedOptions())
    return g.model(g.op("ADD", [x, g.random(size)], (2, size), options=AddOptions()))


def dense(model: Model) -> list[tuple[str, str]]:
    """Of each FULLY_CONNECTED the types of input and weight."""
    tensors = model.main.tensors
    found = [op for op in model.main.operators if op.name == "FULLY_CONNECTED"]
    return [(tensors[op.inputs[0]].type.name, tensors[op.inputs[1]].type.name) for op in found]


def names(model: Model) -> list[str]:
    return [op.name for op in model.main.operators]


@pytest.mark.parametrize(("scheme", "type_"), [("int8", "INT8"), ("int16x8", "INT16")])
def test_five_schemes_in_one_graph(scheme: str, type_: str) -> None:
    made = load(to_bytes(quantize(layers(), Recipe("mine", scheme, rules=RULES))))
    floats = [("FLOAT32", weight) for weight in ("FLOAT32", "INT8", "FLOAT32", "INT4")]
    assert dense(made) == [(type_, "INT8"), *floats, (type_, "INT8")]
    kinds = [made.main.tensors[op.inputs[0]].type.name for op in made.main.operators if op.name == "DEQUANTIZE"]
    assert sorted(kinds) == sorted([type_, "FLOAT16", "FLOAT16", "INT4", type_])
    assert names(made).count("QUANTIZE") == 2
    assert run_equal(made) > 0
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 32)).astype(np.float32)
    (theirs,), (ours,) = oracle.outputs(to_bytes(made), [x]), Interpreter(made).run([x])
    leaving = next(op for op in reversed(made.main.operators) if op.name == "DEQUANTIZE")
    last = made.main.tensors[leaving.inputs[0]].quant
    assert last is not None
    # The islands before it compute in float; the last bits of their sums may move an integer to its neighbour.
    assert np.abs(ours - theirs).max() < 1.01 * last.scale[0]
    reference = Interpreter(layers()).run([x])[0]
    assert np.corrcoef(ours.ravel(), reference.ravel())[0, 1] > 0.9


def test_integers_of_the_recipe_are_those_without_islands() -> None:
    """Where the seams are the same, integer operators have the numbers of the plain recipe with denylists."""
    plain = quantize(layers(), "int8", denylisted_ops=["ADD"])
    assert to_bytes(quantize(layers(), Recipe("mine", rules=[Rule("float", operators=["ADD"])]))) == to_bytes(plain)


def test_rules_alone() -> None:
    """The scheme float quantizes what rules say, and needs no ranges; constants equal those of the whole recipes."""
    made = quantize(layers(), Recipe("mine", "float", rules=[Rule("dynamic_range"), *RULES[1:2]]))
    assert dense(made) == [("FLOAT32", "INT8"), ("FLOAT32", "FLOAT32"), *[("FLOAT32", "INT8")] * 4]
    assert names(made).count("DEQUANTIZE") == 2
    whole = quantize(layers(), "dynamic_range")
    for one, other in zip(made.main.operators[-2].inputs[1:2], whole.main.operators[-2].inputs[1:2], strict=True):
        a, b = made.main.tensors[one], whole.main.tensors[other]
        assert a.quant is not None
        assert b.quant is not None
        assert np.array_equal(a.quant.scale, b.quant.scale)
        assert np.array_equal(made.constant(a), whole.constant(b))  # type: ignore[arg-type]
    assert [op.version for op in made.main.operators[-2:]] == [op.version for op in whole.main.operators[-2:]]
    x = np.random.default_rng(0).normal(size=(2, 32)).astype(np.float32)
    assert np.abs(oracle.outputs(to_bytes(made), [x])[0] - Interpreter(made).run([x])[0]).max() < 1e-5


@pytest.mark.parametrize("name", ["conv", "depthwise", "embedding_lookup", "tied_embedding", "shared_weight", "gather"])
@pytest.mark.parametrize("scheme", ["dynamic_range", "weight_only_int8", "float16"])
def test_an_island_computes_what_the_whole_recipe_does(name: str, scheme: str) -> None:
    source = build(CASES[name])
    made = quantize(source, Recipe("mine", "float", rules=[Rule(scheme)]))
    whole = quantize(source, scheme)
    rng = np.random.default_rng(0)
    tensors = [made.main.tensors[t] for t in made.main.inputs]
    x = [
        rng.normal(size=t.shape).astype(np.float32) if t.type == 0 else rng.integers(0, 3, t.shape).astype(np.int32)
        for t in tensors
    ]
    given: Any = x[0] if len(x) == 1 else x
    for mine, other, theirs in zip(
        Interpreter(made).run(given), Interpreter(whole).run(given), oracle.outputs(to_bytes(made), x), strict=True
    ):
        assert np.array_equal(mine, other)
        assert np.abs(mine - theirs).max() <= 3e-6 * np.ptp(theirs)


def test_files_become_small() -> None:
    """No float constant is left behind that nothing reads."""
    float_size = len(to_bytes(layers()))
    for scheme in ("float", "int8"):
        made = quantize(layers(), Recipe("mine", scheme, rules=[Rule("dynamic_range", operators=["FULLY_CONNECTED"])]))
        assert len(to_bytes(made)) * 2 < float_size


def test_small_weights_stay_float() -> None:
    for least, weight in ((1024, "INT8"), (1025, "FLOAT32"), (0, "INT8")):
        rules = [Rule("dynamic_range", least_elements=least)]
        assert dense(quantize(layers(1), Recipe("mine", "float", rules=rules))) == [("FLOAT32", weight)]


def test_subgraphs_have_rules_of_their_own() -> None:
    made = quantize(layers(1), Recipe("mine", "float", rules=[Rule("float16", subgraph=1)]))
    assert "DEQUANTIZE" not in names(made)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            {"scheme": "int16x8", "rules": [Rule("int8")]},
            "rule 0 has the scheme 'int8'; a recipe of scheme int16x8",
        ),
        ({"rules": [Rule("float"), Rule("int5")]}, "rule 1 has the scheme 'int5'"),
        ({"scheme": "qat", "rules": RULES}, "rules go with int8, int16x8, float, not with the scheme qat"),
        ({"rules": RULES, "denylisted_ops": ["ADD"]}, "denylists and rules"),
        ({"rules": RULES, "strict": True}, "strict lets no operator stay in float"),
        ({"rules": ["float"]}, "rules are a list of qcore.quantizer.Rule"),
        ({"scheme": "float"}, "give rules"),
    ],
)
def test_contradictions(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        Recipe("mine", **recipe)


def test_refusals() -> None:
    with pytest.raises(UnsupportedError, match="operator 0 SVDF: weights of recurrent operators are not mixed"):
        quantize(build(svdf), Recipe("mine", "float", rules=[Rule("dynamic_range")]))
    rules = [Rule("dynamic_range", per_channel=False)]
    with pytest.raises(QuantizationError, match="operator 0 DEPTHWISE_CONV_2D: TFLite's hybrid kernel needs"):
        quantize(build(CASES["depthwise"]), Recipe("mine", "float", rules=rules))
    with pytest.raises(QuantizationError, match="takes no ranges"):
        quantize(layers(), Recipe("mine", "float", rules=RULES), {"input0": (-1, 1)})
    twins = layers(2)
    for op in twins.main.operators[:2]:
        twins.main.tensors[op.outputs[0]].name = "twin"
    with pytest.raises(QuantizationError, match="called twin, and rules tell"):
        quantize(_unlike(twins), Recipe("mine", rules=[Rule("float", operators=["RELU"])]))


def _unlike(model: Model) -> Model:
    """The second dense layer becomes a RELU."""
    second = model.main.operators[1]
    model.main.operators[1] = type(second)(type(second.code).RELU, second.inputs[:1], second.outputs)
    return model


def test_weights_that_the_converter_stores_in_any_case() -> None:
    """It leaves those of TRANSPOSE_CONV in int8 where the operator computes in float."""
    g = FloatGraph(0, (-4.0, 4.0))
    model = g.model(transpose_conv(g))
    for scheme in ("float", "float16"):
        with pytest.raises(QuantizationError, match="TRANSPOSE_CONV: a rule takes it out of integers, but the"):
            quantize(model, Recipe("mine", rules=[Rule(scheme, operators=["TRANSPOSE_CONV"])]))


@pytest.mark.conformance
@oracle.needs_shared
@pytest.mark.parametrize("scheme", ["int8", "int16x8", "float"])
@pytest.mark.parametrize("name", ["mlptiny_pretrainedResnet", "mlptiny_ad01_fp32", "aeq_conv_fc_mnist"])
def test_real_models_with_random_rules(name: str, scheme: str) -> None:
    """All integers equal TFLite's up to the first operator in float; results differ by its rounding at most."""
    source = calibrated((oracle.MODELS / f"{name}.tflite").read_bytes())
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rules = [
            Rule(str(rng.choice(ISLAND_SCHEMES)), regex=f"^{re.escape(source.main.tensors[op.outputs[0]].name)};")
            for op in source.main.operators
            if rng.random() < 0.45
        ]
        made = load(to_bytes(quantize(source, Recipe("mine", scheme, rules=rules))))
        x = rng.normal(size=source.main.tensors[source.main.inputs[0]].shape).astype(np.float32)
        (ours,), (theirs,) = Interpreter(made).run([x]), oracle.outputs(to_bytes(made), [x])
        assert np.abs(ours - theirs).max() <= 0.01 * np.ptp(theirs)
        run_equal(made, seed)
