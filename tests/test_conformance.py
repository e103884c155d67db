"""The long run: every operator and type against TFLite's reference kernels, until enough values were compared.

`make conformance` draws cases from each tests/ops/test_<op>.py's `CASES` until VALUES output values of that operator
and quantized type were compared (a fifth of it for floats and plain integers; MODELS models, where each gives a handful
of values only, as SHAPE does), and writes what it saw to qcore/data/evidence.json, which `qcore ops` shows. The other
kernel sets are compared in test_every_kernel_set.py, which writes qcore/data/kernel_sets.json.
"""

from __future__ import annotations

import importlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import oracle, strategies
from tests.one_op import Compared, OneOp, compare
from tools import kernel_set_table

VALUES = int(os.environ.get("QCORE_CONFORMANCE_VALUES", "1000000"))
EVIDENCE = Path(__file__).resolve().parents[1] / "qcore" / "data" / "evidence.json"
KERNEL_SETS = EVIDENCE.with_name("kernel_sets.json")
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


@dataclass
class Tally:
    """What was drawn and compared in a kernel set: models, their values, those that XNNPACK made, refusals, a failure.

    enough: how many values it shall be.
    """

    enough: int
    models: int = 0
    values: int = 0
    by_xnnpack: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failure: str | None = None

    @property
    def handfuls(self) -> bool:
        """Each model gives a few values only."""
        return self.values < _HANDFUL * self.models

    @property
    def hopeless(self) -> bool:
        """Every model was refused."""
        return self.refused.total() == self.models

    def is_done(self) -> bool:
        """Asked between rounds: it failed, has enough values, or will never have them."""
        few = self.models >= MODELS and self.handfuls
        return self.failure is not None or self.values >= self.enough or few or self.hopeless


def draw(
    name: str, variant: str, enough: Mapping[str, int], measure: Callable[[OneOp, str], Compared | str]
) -> dict[str, Tally]:
    """Measure the same cases of a cell in each kernel set until it has enough values.

    `measure` gives what it compared, or why the case refuses. A difference ends its set, the others go on.
    """
    cases: st.SearchStrategy[OneOp] = importlib.import_module(f"tests.ops.{name}").CASES[variant]
    tallies = {kernels: Tally(values) for kernels, values in enough.items()}
    going = dict(tallies)

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
        for kernels, tally in going.items():
            if tally.failure is not None:
                continue
            try:
                found = measure(case, kernels)
            except Exception as error:
                tally.failure = f"{kernels}: {error}\n{case}"
                continue
            tally.models += 1
            if isinstance(found, str):
                tally.refused[found] += 1
            else:
                tally.values += found.values
                tally.by_xnnpack += found.values if found.delegated else 0

    try:
        for round_ in range(_ROUNDS):
            strategies.volume = 1 if round_ == 0 else min(4**round_, 256)
            one_round()
            for kernels in [kernels for kernels, tally in going.items() if tally.is_done()]:
                del going[kernels]
            if not going:
                break
    finally:
        strategies.volume = 1
    return tallies


def wanted(variant: str) -> int:
    """How many values of a cell are to be compared."""
    return VALUES if any(word in variant for word in QUANTIZED) else VALUES // 5


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "variant"), cells())
def test_a_million_values(name: str, variant: str) -> None:
    against = set()

    def measure(case: OneOp, kernels: str) -> Compared:
        against.add(case.against)
        return compare(case, kernels)

    tally = draw(name, variant, {"reference": wanted(variant)}, measure)["reference"]
    assert tally.failure is None, tally.failure
    assert tally.values >= tally.enough or tally.handfuls, (
        f"{tally.values} values in {tally.models} models: the strategy draws too little"
    )
    record(name, variant, tally, f"TensorFlow {oracle.tensorflow().__version__} {against.pop()}")


def record(name: str, variant: str, tally: Tally, against: str, kernels: str = "reference") -> None:
    """Add a cell that passed to the evidence (a mismatch fails the test before it gets here); others are kept."""
    path = EVIDENCE if kernels == "reference" else KERNEL_SETS
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    cell: dict[str, Any] = {"values": tally.values, "mismatches": 0, "models": tally.models, "against": against}
    if kernels != "reference":
        cell["processor"] = oracle.processor()
        if kernels.startswith("xnnpack"):
            cell["by_xnnpack"] = tally.by_xnnpack
        if tally.refused:
            cell |= {"refused": tally.refused.total(), "why": tally.refused.most_common(1)[0][0]}
    rows = table if kernels == "reference" else table.setdefault(kernels, {})
    rows.setdefault(name.removeprefix("test_").upper(), {})[variant] = cell
    path.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if path == KERNEL_SETS:
        kernel_set_table.main()
