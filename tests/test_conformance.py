"""The long run: every operator and type against TFLite's reference kernels, until enough values were compared.

`make conformance` draws cases from each tests/ops/test_<op>.py's `CASES` until VALUES output values of that operator
and quantized type were compared (a fifth of it for floats and plain integers; MODELS models, where each gives a handful
of values only, as SHAPE does), and writes what it saw to qcore/data/evidence.json, which `qcore ops` shows.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import oracle, strategies
from tests.one_op import OneOp, check

VALUES = int(os.environ.get("QCORE_CONFORMANCE_VALUES", "1000000"))
EVIDENCE = Path(__file__).resolve().parents[1] / "qcore" / "data" / "evidence.json"
MODELS = 3000
QUANTIZED = ("int8", "int16", "int4", "int2", "hybrid")
_ROUND = 100
_ROUNDS = 200
_HANDFUL = 64

MODULES = sorted(path.stem for path in (Path(__file__).parent / "ops").glob("test_*.py"))


def cells() -> list[Any]:
    """(operator, variant) for every strategy that the operator tests declare."""
    found = []
    for name in MODULES:
        module = importlib.import_module(f"tests.ops.{name}")
        found += [pytest.param(name, variant, id=f"{name[5:]}-{variant}") for variant in getattr(module, "CASES", {})]
    return found


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "variant"), cells())
def test_a_million_values(name: str, variant: str) -> None:
    cases: st.SearchStrategy[OneOp] = importlib.import_module(f"tests.ops.{name}").CASES[variant]
    wanted = VALUES if any(word in variant for word in QUANTIZED) else VALUES // 5
    compared = 0
    examples = 0
    against = ""

    @settings(
        max_examples=_ROUND,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def one_round(case: OneOp) -> None:
        nonlocal compared, examples, against
        compared += check(case)
        examples += 1
        against = case.against

    try:
        for round_ in range(_ROUNDS):
            strategies.volume = 1 if round_ == 0 else min(4**round_, 256)
            one_round()
            if compared >= wanted or (examples >= MODELS and compared < _HANDFUL * examples):
                break
    finally:
        strategies.volume = 1
    enough = compared >= wanted or compared < _HANDFUL * examples
    assert enough, f"{compared} values in {examples} models: the strategy draws too little"
    record(name.removeprefix("test_"), variant, compared, examples, against)


def record(operator: str, variant: str, values: int, models: int, against: str) -> None:
    """Add a cell that passed to the evidence file (a mismatch fails the test before it gets here)."""
    table = json.loads(EVIDENCE.read_text(encoding="utf-8")) if EVIDENCE.exists() else {}
    version = f"TensorFlow {oracle.tensorflow().__version__} {against}"
    table.setdefault(operator.upper(), {})[variant] = {
        "values": values,
        "mismatches": 0,
        "models": models,
        "against": version,
    }
    EVIDENCE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
