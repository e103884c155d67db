"""Time qcore against TFLite on real models, alternating the two, and print the ratio of medians.

    python -m benchmarks [--rounds N] [--json FILE] [MODEL.tflite ...]

Without files, the bundled digits model (quantized on the spot) and the models of ../shared/models are timed. One thread
each. Absolute times depend on the machine; the ratios much less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.tracing import time_tracing
from qcore import Interpreter

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = [
    "mlptiny_pretrainedResnet_quant",
    "mlptiny_kws_ref_model",
    "mlptiny_ad01_int8",
    "coral_mobilenet_v1_0.25_128_quant",
    "coral_tf2_mobilenet_v2_1.0_224_ptq",
]
TRACED = ["mlptiny_pretrainedResnet_quant", "mlptiny_kws_ref_model", "coral_mobilenet_v1_0.25_128_quant"]
Runner = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    shared = ROOT.parent / "shared" / "models"
    files = options.models or [path for name in DEFAULT if (path := shared / f"{name}.tflite").exists()]
    console = Console()
    if not files:
        console.print("no models: give .tflite files, or put the shared models beside the checkout")
    rows = [time_model(path, options.rounds) for path in files]
    table = Table(title="milliseconds per image, one thread, medians; ratios above 1: qcore is faster", box=None)
    for column in ("model", "qcore", "TFLite reference", "TFLite optimized", "reference / qcore", "optimized / qcore"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for row in rows:
        table.add_row(
            row["model"],
            *(f"{row[key]:.3f}" for key in ("qcore_ms", "reference_ms", "optimized_ms")),
            *(f"{row[key]:.2f}" for key in ("reference_ratio", "optimized_ratio")),
        )
    console.print(table)
    tracing = [trace_model(path, options.rounds) for path in files if options.models or path.stem in TRACED]
    costs = Table(title="a run that nobody records, with and without trace calls, CPU time", box=None)
    for column in ("model", "milliseconds", "trace calls", "their share", "with / without", "equal code twice"):
        costs.add_column(column, justify="left" if column == "model" else "right")
    for cost in tracing:
        share, ratios = f"{cost['share']:.3%}", [f"{cost[key]:.3f}" for key in ("ratio", "noise")]
        costs.add_row(cost["model"], f"{cost['milliseconds']:.3f}", str(cost["calls"]), share, *ratios)
    console.print(costs)
    startup = time_import(options.rounds)
    console.print(
        f"qcore with all its names loaded: {startup['extra_ms']:.1f} ms over import numpy "
        f"({startup['numpy_ms']:.1f} ms)"
    )
    if options.json:
        options.json.write_text(
            json.dumps({"models": rows, "tracing": tracing, "import": startup}, indent=1) + "\n", encoding="utf-8"
        )


def trace_model(path: Path, rounds: int) -> dict[str, Any]:
    """What trace calls cost that nobody listens to, in many short turns."""
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for detail, value in zip(details, _draw(details), strict=True):
        interpreter.set_tensor(detail["index"], value)
    return {"model": path.stem, **time_tracing(interpreter, 30 * rounds)}


def time_model(path: Path, rounds: int) -> dict[str, Any]:
    """Alternate the three runners, and compare their median times."""
    runners = {"qcore": qcore_runner(path), "reference": tflite_runner(path, "BUILTIN_REF")}
    runners["optimized"] = tflite_runner(path, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")
    times: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        runner()
    for _ in range(rounds):
        for name, runner in runners.items():
            start = time.perf_counter()
            runner()
            times[name].append((time.perf_counter() - start) * 1e3)
    medians = {name: median(values) for name, values in times.items()}
    return {
        "model": path.stem,
        **{f"{name}_ms": value for name, value in medians.items()},
        "reference_ratio": medians["reference"] / medians["qcore"],
        "optimized_ratio": medians["optimized"] / medians["qcore"],
    }


def _draw(details: list[dict[str, Any]]) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    return [
        rng.integers(-100, 100, d["shape"]).astype(d["dtype"])
        if np.dtype(d["dtype"]).kind in "iu"
        else rng.uniform(-1, 1, d["shape"]).astype(d["dtype"])
        for d in details
    ]


def qcore_runner(path: Path) -> Runner:
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for detail, value in zip(details, _draw(details), strict=True):
        interpreter.set_tensor(detail["index"], value)
    return interpreter.invoke


def tflite_runner(path: Path, resolver: str) -> Runner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf  # deferred: loading it must not disturb the import timing

        kind = getattr(tf.lite.experimental.OpResolverType, resolver)
        interpreter = tf.lite.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=kind)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for detail, value in zip(details, _draw(details), strict=True):
        interpreter.set_tensor(detail["index"], value)
    run: Runner = interpreter.invoke
    return run


def time_import(rounds: int) -> dict[str, float]:
    """Fresh interpreters that import numpy alone, and numpy and qcore with its names loaded, in turn."""
    loaded = {"numpy": "import numpy", "qcore": "import numpy, qcore; [getattr(qcore, name) for name in qcore.__all__]"}
    times: dict[str, list[float]] = {name: [] for name in loaded}
    for _ in range(max(rounds, 5)):
        for name, seen in times.items():
            code = f"import time; start = time.perf_counter(); {loaded[name]}; print(time.perf_counter() - start)"
            output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
            seen.append(float(output.stdout) * 1e3)
    numpy_ms, qcore_ms = (median(times[name]) for name in ("numpy", "qcore"))
    return {"numpy_ms": numpy_ms, "qcore_ms": qcore_ms, "extra_ms": qcore_ms - numpy_ms}


if __name__ == "__main__":
    main()
