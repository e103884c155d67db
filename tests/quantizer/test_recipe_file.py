from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import RECIPES, Recipe, Rule, dump_recipe, load_recipe

RULES = [
    Rule("float", operators=["add", "MUL"], subgraph=1),
    Rule("dynamic_range", regex="^a/", weight_bits=4, per_channel=False, least_elements=7),
]
MINE = [
    *RECIPES.values(),
    Recipe("a", rules=RULES, weight_bits=4, weight_method="octav", inference_input_type="int8"),
    Recipe("b", "int16x8", denylisted_ops=frozenset({"ADD"}), bias_type="int32", strict=True),
    Recipe("c", "tf1_uint8", inference_input_type="uint8", inference_output_type="uint8", default_ranges_stats=(0, 6)),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("recipe", MINE, ids=lambda recipe: recipe.name)
def test_what_is_dumped_is_loaded(recipe: Recipe, tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, dump_recipe(recipe))) == recipe


def test_statistics_of_inputs(tmp_path: Path) -> None:
    types: Any = {"inference_input_type": "uint8", "inference_output_type": "uint8"}
    recipe = Recipe("mine", "tf1_uint8", quantized_input_stats={"x": (127.5, 127.5)}, **types)
    assert load_recipe(written(tmp_path, dump_recipe(recipe))).quantized_input_stats == {"x": (127.5, 127.5)}


def test_a_file_gives_its_name(tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, "{}")) == Recipe("mine")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100000, "cannot be read as JSON"),
        ("3", "the recipe is a int; it must be an object"),
        ({"shceme": "int8"}, "the recipe has no 'shceme'; it has name, scheme"),
        ({"scheme": ["int8"]}, "scheme is .* wrong type"),
        ({"scheme": "int5"}, "no scheme 'int5'"),
        ({"per_channel": "no"}, "per_channel is 'no', which is of the wrong type"),
        ({"denylisted_ops": "ADD"}, "denylisted_ops is 'ADD', which is of the wrong type"),
        ({"denylisted_nodes": [3]}, "of the wrong type"),
        ({"weight_bits": "4"}, "weight_bits is '4'; it can be 8 or 4"),
        ({"default_ranges_stats": [0, "a"], "scheme": "tf1_int8"}, "give two numbers"),
        ({"rules": [{}]}, "rule 0 has no scheme"),
        ({"rules": [{"scheme": "float"}, 3]}, "rule 1 is a int"),
        ({"rules": [{"scheme": "float", "regex": "["}]}, "regex '\\[' is none"),
        ({"rules": [{"scheme": "float", "op": "ADD"}]}, "rule 0 has no 'op'; it has scheme, operators"),
        ({"rules": [{"scheme": "float", "operators": ["ADDD"]}]}, "ADDD are no builtin operators"),
        ({"rules": [{"scheme": "float"}], "denylisted_ops": ["ADD"]}, "denylists and rules"),
        ({"scheme": "int8", "rules": [{"scheme": "int16x8"}]}, "rule 0 has the scheme 'int16x8'"),
    ],
)
def test_bad_files(content: Any, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(QuantizationError, match=rf"mine\.json: .*{message}"):
        load_recipe(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(QuantizationError, match=r"none\.json: cannot be read"):
        load_recipe(tmp_path / "none.json")
