"""Write the tables of docs/sizes.md: how small, how exact and how accurate each recipe makes a model.

    python -m tools.size_table

The digits model and its images come with the package; the other models and their data are read from ../shared, and
their tables are left as they are where that folder is missing. Seeded: a second run writes the same page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.calibrator import calibrate
from qcore.evaluator import Evaluation, evaluate
from qcore.ir import Model
from qcore.quantizer import RECIPES, quantize
from qcore.tflite import load

Array = NDArray[Any]
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "sizes.md"
SHARED = ROOT.parent / "shared"
MODES: dict[str, dict[str, Any]] = {
    "float16": {},
    "dynamic_range": {},
    "weight_only_int8": {},
    "int8": {},
    "int8, int8 in and out": {"inference_input_type": "int8", "inference_output_type": "int8"},
    "int16x8": {},
}
"""Title of a row, which begins with the recipe -> fields of the recipe that are replaced."""


def variants(path: Path, calibration: Array) -> Iterator[tuple[str, Path | Model]]:
    """The float model, then what each mode makes of it."""
    yield "float32", path
    model = load(path)
    ranges = calibrate(model, calibration)
    for title, fields in MODES.items():
        recipe = title.partition(",")[0]
        yield title, quantize(model, recipe, ranges if RECIPES[recipe].needs_ranges else None, **fields)


def table(path: Path, calibration: Array, samples: Array, labels: Array | None = None) -> str:
    """A Markdown table, one row for each variant."""
    names, models = zip(*variants(path, calibration), strict=True)
    found = evaluate(models, samples, labels, names=names)
    columns: dict[str, Callable[[Evaluation], str]] = {
        "mode": lambda e: e.name,
        "accuracy": lambda e: f"{e.top1:.1%}" if e.top1 is not None else "",
        "same class as float": lambda e: f"{e.agreement:.1%}" if e.agreement is not None and e.labelled else "",
        "SQNR": lambda e: " ".join(f"{value:.1f} dB" for value in (e.sqnr or {}).values()),
        "bytes": lambda e: f"{e.bytes:,}",
        "smaller": lambda e: f"{found[0].bytes / e.bytes:.2f} x" if e is not found[0] else "",
        "gzip": lambda e: f"{e.gzip_bytes:,}",
    }
    kept = {title: [text(e) for e in found] for title, text in columns.items()}
    kept = {title: cells for title, cells in kept.items() if any(cells)}
    aligned = ["---" if title == "mode" else "---:" for title in kept]
    rows = [list(kept), aligned, *map(list, zip(*kept.values(), strict=True))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


# The models and what they are fed -------------------------------------------------------------------------------------


def digits() -> str:
    """The demo's CNN: 100 digits to calibrate, 500 others to evaluate."""
    with np.load(ROOT / "qcore" / "data" / "digits.npz", allow_pickle=False) as archive:
        calibration, images = (archive[name] / np.float32(16) for name in ("calibration", "images"))
        labels = archive["labels"]
    return table(ROOT / "qcore" / "data" / "digits_float.tflite", calibration, images, labels)


def resnet() -> str:
    """CIFAR-10's ResNet8: photos of 96 pixels averaged to 32, 0 to 255 as in its training."""
    images = np.load(SHARED / "data" / "photos_96.npz", allow_pickle=False)["images"]
    small = images.reshape(-1, 32, 3, 32, 3, 3).mean((2, 4)).astype(np.float32)
    return _alternating("mlptiny_pretrainedResnet", small)


def anomaly() -> str:
    """The autoencoder of machine sounds: frames of one toy car."""
    frames = np.load(SHARED / "data" / "toycar_frames.npz", allow_pickle=False)["frames"]
    return _alternating("mlptiny_ad01_fp32", frames)


def sine() -> str:
    """The sine of TensorFlow Lite Micro's first example, over its period."""
    return _alternating("tflm_hello_world_float", np.linspace(0, 2 * np.pi, 400, dtype=np.float32)[:, None])


def _alternating(name: str, samples: Array) -> str:
    """Every fourth sample calibrates, the others evaluate."""
    kept = np.arange(len(samples)) % 4 != 0
    return table(SHARED / "models" / f"{name}.tflite", samples[~kept], samples[kept])


TABLES: dict[str, Callable[[], str]] = {
    "digits": digits,
    "pretrainedResnet": resnet,
    "ad01_fp32": anomaly,
    "hello_world_float": sine,
}


def put(page: str, name: str, content: str) -> str:
    """The page with this table between its marks."""
    marks = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    page, count = marks.subn(lambda found: f"{found[1]}{content}\n{found[2]}", page)
    if count != 1:
        raise SystemExit(f"{PAGE}: expected one place for the table {name}, found {count}")
    return page


def main() -> None:
    """Rewrite the tables that can be made here."""
    page = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        if name != "digits" and not SHARED.is_dir():
            print(f"{name}: left as it is; there is no {SHARED}")
            continue
        page = put(page, name, make())
        print(f"{name}: written")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
