"""Every mode on every whole model: equal to the converter's file, and counted for docs/converter.md.

`make conformance` runs all of it and writes what it compared to docs/converter.json; a default test holds the page
against that file.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qcore.ir import Model
from tests import oracle
from tests.quantizer import converter
from tests.quantizer.int16x8 import converter as int16x8
from tests.quantizer.int16x8.test_real_models import (
    APPLICATIONS,
    DENIED,
    PARTLY_QUANTIZED,
    application,
    with_own_biases,
)
from tests.quantizer.test_real_models import KERAS, REAL, model
from tests.quantizer.weights import oracle as weights
from tools.converter_table import COUNTS, PAGE, page

ROOT = Path(__file__).resolve().parents[2]
MODELS = [*REAL, *KERAS, *APPLICATIONS]
INT8 = {"inference_input_type": "int8", "inference_output_type": "int8"}
UINT8 = {"inference_input_type": "uint8", "inference_output_type": "uint8"}
INT16 = {"inference_input_type": "int16", "inference_output_type": "int16"}


def full_integer(source: Model, name: str, **recipe: Any) -> Model | None:
    return converter.check(source, **recipe)


def wide(source: Model, name: str, **recipe: Any) -> Model | None:
    if name == PARTLY_QUANTIZED:
        return None
    denied = DENIED.get(name, {})
    if name in APPLICATIONS:
        codes = {operator.name for operator in source.main.operators}
        denied = {"denylisted_ops": sorted(codes & {"HARD_SWISH", "SQUARED_DIFFERENCE"})}
        source = with_own_biases(source)
    return int16x8.check(source, **recipe, **denied)


def weights_only(scheme: str) -> Callable[..., Model | None]:
    def check(source: Model, name: str, **recipe: Any) -> Model | None:
        return weights.check(source, [scheme], **recipe)[scheme]

    return check


MODES: dict[str, tuple[Callable[..., Model | None], dict[str, Any]]] = {
    "int8, float32 IO": (full_integer, {}),
    "int8, int8 IO": (full_integer, INT8),
    "int8, uint8 IO": (full_integer, UINT8),
    "int8, per tensor": (full_integer, {"per_channel": False}),
    "int16x8, float32 IO": (wide, {}),
    "int16x8, int16 IO": (wide, INT16),
    "int16x8, int32 biases": (wide, {"bias_type": "int32"}),
    "float16": (weights_only("float16"), {}),
    "dynamic_range": (weights_only("dynamic_range"), {}),
    "dynamic_range, per tensor": (weights_only("dynamic_range"), {"per_channel": False}),
}


@pytest.mark.conformance
@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_converter(name: str, mode: str) -> None:
    oracle.tensorflow()
    check, recipe = MODES[mode]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = check(application(name) if name in APPLICATIONS else model(name), name, **recipe)
    record(name, mode, made)


def record(name: str, mode: str, made: Model | None) -> None:
    """Count what was compared; None where the converter refuses the model, and so do we."""
    table = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.exists() else {}
    counted = made and {
        "tensors": sum(len(graph.tensors) for graph in made.subgraphs),
        "operators": sum(len(graph.operators) for graph in made.subgraphs),
        "bytes": sum(data.nbytes for data in made.buffers if data is not None),
    }
    table.setdefault(name, {})[mode] = counted
    COUNTS.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(table), encoding="utf-8")


def test_the_page_shows_what_was_counted() -> None:
    table = json.loads(COUNTS.read_text(encoding="utf-8"))
    assert set(table) == set(MODELS)
    assert all(set(modes) == set(MODES) for modes in table.values())
    assert PAGE.read_text(encoding="utf-8") == page(table)
