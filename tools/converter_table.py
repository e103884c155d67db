"""docs/converter.md from docs/converter.json, which the conformance run counts: `python -m tools.converter_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).resolve().parents[1] / "docs" / "converter.json"
PAGE = COUNTS.with_suffix(".md")
_HEAD = """# Equal to TFLiteConverter, tensor for tensor

Each cell is a float model quantized twice from the same ranges, by qcore and by TensorFlow 2.21, and compared field by
field: every tensor (name, type, shape, bytes, scale bits, zero point, quantized dimension), every operator (code,
version, operands, options), their order, shared buffers, inputs and outputs, signatures, metadata. It shows how many
tensors / operators that were; 0 of their fields differed. A dash: TensorFlow refuses to make this file, and so does
qcore. Where TensorFlow itself answers differently from run to run (operators with several results), ours is one of its
answers. Models come from ../shared/models, from Keras networks in `tests/quantizer/test_real_models.py`, and from
keras.applications without weights at small image sizes. float16 and dynamic range are compared with the converter's own
pass on an imported float file; the whole converter, from Keras on, in `tests/quantizer/weights/test_converted.py`.

`make conformance` compares all of it again and rewrites this page.

"""


def page(table: dict[str, dict[str, Any]]) -> str:
    """The page as Markdown."""
    modes = list(next(iter(table.values())))
    lines = [f"| model | {' | '.join(modes)} |", "|---|" + "---:|" * len(modes)]
    for name, counts in table.items():
        cells = ["—" if c is None else f"{c['tensors']} / {c['operators']}" for c in map(counts.get, modes)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    counted = [c for counts in table.values() for c in counts.values() if c is not None]
    total = {key: sum(c[key] for c in counted) for key in ("tensors", "operators", "bytes")}
    tail = (
        f"\n{len(counted)} files: {total['tensors']:,} tensors, {total['operators']:,} operators and "
        f"{total['bytes']:,} bytes of constants compared, 0 differences.\n"
    )
    return _HEAD + "\n".join(lines) + "\n" + tail


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(COUNTS.read_text(encoding="utf-8"))), encoding="utf-8")
