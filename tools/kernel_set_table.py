"""The tables of docs/kernel_sets.md, from what the conformance run compared: `python -m tools.kernel_set_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.size_table import put

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "kernel_sets.md"
EVIDENCE = ROOT / "qcore" / "data" / "kernel_sets.json"

Evidence = dict[str, dict[str, dict[str, Any]]]


def counted(sets: dict[str, Evidence]) -> str:
    """A row for each kernel set: what was compared."""
    lines = [
        "| kernel set | compared with | types | values | of them by XNNPACK | differ | types refused whole |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, evidence in sets.items():
        cells = [cell for types in evidence.values() for cell in types.values()]
        against = ", ".join(sorted({cell["against"] for cell in cells}))
        total = {key: sum(cell.get(key, 0) for cell in cells) for key in ("values", "by_xnnpack", "mismatches")}
        by_xnnpack = f"{total['by_xnnpack']:,}" if name.startswith("xnnpack") else ""
        whole = sum(cell["values"] == 0 for cell in cells)
        lines.append(
            f"| `{name}` | {against} | {len(cells)} | {total['values']:,} | {by_xnnpack} | {total['mismatches']} "
            f"| {whole} |"
        )
    processors = sorted({c["processor"] for e in sets.values() for types in e.values() for c in types.values()})
    return "\n".join([*lines, "", f"Processor: {'; '.join(processors)}."])


def refused(sets: dict[str, Evidence]) -> str:
    """What refuses in TensorFlow's sets: for each operator and reason its types, with the share of models refused."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name in ("optimized", "xnnpack"):
        for operator, types in sets[name].items():
            for variant, cell in types.items():
                if cell.get("refused"):
                    share = f"{variant} {100 * cell['refused'] / cell['models']:.0f} %"
                    rows.setdefault((operator, cell["why"]), {}).setdefault(name, []).append(share)
    lines = ["| operator | mostly because | share of the drawn models that is refused |", "|---|---|---|"]
    for (operator, why), shares in sorted(rows.items()):
        where = "; ".join(f"`{name}`: {', '.join(types)}" for name, types in shares.items())
        lines.append(f"| {operator} | {why} | {where} |")
    return "\n".join(lines)


def page(text: str, sets: dict[str, Evidence]) -> str:
    """The page with its tables made anew."""
    return put(put(text, "counted", counted(sets)), "refused", refused(sets))


def main() -> None:
    """Rewrite the tables of the page."""
    sets = json.loads(EVIDENCE.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), sets), encoding="utf-8")


if __name__ == "__main__":
    main()
