"""docs/converter.md from docs/converter.json, which the conformance run counts: `python -m tools.converter_table`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).resolve().parents[1] / "docs" / "converter.json"
PAGE = COUNTS.with_suffix(".md")
FROM_RANGES, TRAINED = "from ranges", "from fake quantization"
"""The two parts of the counts: part -> model -> mode -> counts, or None where a model is refused."""

_HEAD = """# Equal to TFLiteConverter, tensor for tensor

Each cell is a float model quantized twice, by qcore and by TensorFlow 2.21, and compared field by field. It shows how
many tensors / operators that were; 0 of their fields differed, but for the biases of trained models counted below. A
dash: TensorFlow refuses to make this file, or its runtime to load it, and qcore refuses too (int16x8 of an LSTM: stays
in float). Empty: not asked.

`make conformance` compares all of it again and rewrites this page.

## From ranges

Both have the same ranges. Compared is every tensor (name, type, shape, bytes, scale bits, zero point, quantized
dimension), every operator (code, version, operands, options), their order, shared buffers, inputs and outputs,
signatures, metadata. Where TensorFlow itself answers differently from run to run (operators with several results), ours
is one of its answers. Models come from ../shared/models, from Keras networks in `tests/quantizer/test_real_models.py`,
and from keras.applications without weights at small image sizes; the LSTM is two fused layers of Keras 2. float16 and
dynamic range are compared with the converter's own pass on an imported float file; the whole converter, from Keras on,
in `tests/quantizer/weights/test_converted.py`, and here for the LSTM.

"""
_TRAINED = """
## From fake quantization

The same Keras networks with fake quantization in their graphs: after every layer, and of the weights (per channel; per
tensor for uint8, with batch normalization multiplied in before, as TensorFlow 1's training did). The default range is
that of every tensor of a network without fake quantization. TensorFlow converts the graph, qcore the float file that
TensorFlow made of it; so names and the order of tensors do not count. In "of one file" TensorFlow's quantizer reads the
float file too, and everything counts, names and order included.

"""
_BIASES = """
### Biases of trained models

A bias scale is the product of two scales, which TensorFlow knows in float64 and the float file holds in float32: from
there it can be 2 ulp off, and a bias integer one. Shown is scales off / integers off, of so many scales. In brackets:
integers that TensorFlow gets wrong: a bias of one value for all channels (a hard sigmoid's 3) gets the first channel's
integer for all, whatever their scales; ours stand for the value. "of one file" has none of it.

"""


def page(table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The page as Markdown."""
    trained = table.get(TRAINED, {})
    parts = [_HEAD, _table(table.get(FROM_RANGES, {}), _size), _TRAINED, _table(trained, _size), _BIASES]
    parts += [_table(trained, _off), _sums(table)]
    return "".join(parts)


def _table(rows: Mapping[str, Mapping[str, Any]], shown: Callable[[Any], str]) -> str:
    modes = list(next(iter(rows.values()), {}))
    lines = [f"| model | {' | '.join(modes)} |", "|---|" + "---:|" * len(modes)]
    for name, counts in rows.items():
        cells = [shown(counts[mode]) if mode in counts else "" for mode in modes]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _size(counted: Any) -> str:
    return "—" if counted is None else f"{counted['tensors']} / {counted['operators']}"


def _off(counted: Any) -> str:
    if counted is None or "inexact" not in counted:
        return "—" if counted is None else "0"
    alone = f" ({counted['alone']:,})" if counted["alone"] else ""
    return f"{counted['inexact']:,} / {counted['inexact_biases']:,}{alone} of {counted['bias_scales']:,}"


def _sums(table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    counted = [c for rows in table.values() for counts in rows.values() for c in counts.values() if c is not None]
    total = {key: sum(c.get(key, 0) for c in counted) for key in ("tensors", "operators", "bytes", "inexact")}
    total |= {key: sum(c.get(key, 0) for c in counted) for key in ("bias_scales", "inexact_biases", "alone")}
    return (
        f"\n{len(counted)} files: {total['tensors']:,} tensors, {total['operators']:,} operators and "
        f"{total['bytes']:,} bytes of constants compared, 0 differences but those of biases: of "
        f"{total['bias_scales']:,} scales of trained models {total['inexact']:,} are 1 or 2 ulp off, of their integers "
        f"{total['inexact_biases']:,} by one, and {total['alone']:,} are wrong in TensorFlow's file.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(COUNTS.read_text(encoding="utf-8"))), encoding="utf-8")
