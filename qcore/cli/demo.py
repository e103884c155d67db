"""`qcore demo`: calibrate, quantize and run a bundled CNN on real handwritten digits, and explain one number."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from qcore.auditor.metrics import LayerError, compare_layers
from qcore.calibrator import calibrate
from qcore.cli.console import guard, out, print_json, print_table, progress_bar
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator
from qcore.numerics.affine import quantize as quantize_values
from qcore.op import find
from qcore.quantizer import quantize
from qcore.tflite import load, save
from tflite_schema import BuiltinOperator

Array = NDArray[Any]
_COMPARED = 50
_TAPS = 4


def command(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the int8 model.")] = Path(
        "digits_int8.tflite"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Quantize a bundled CNN to int8, run it in integers on held-out digits, and explain one of its numbers."""
    guard(output, force)
    content, images = _bundled()
    model = load(content)
    with progress_bar("calibrating") as progress:
        ranges = calibrate(model, [_real(image) for image in images["calibration"]], progress=progress)
    int8 = quantize(model, "int8", ranges, inference_input_type="int8", inference_output_type="int8")
    size = save(int8, output)

    reread = load(output)
    float_classes = _classify(model, images["images"], "running float")
    int8_classes = _classify(reread, images["images"], "running int8")
    labels = images["labels"]
    result = {
        "images": len(labels),
        "accuracy_float": float(np.mean(float_classes == labels)),
        "accuracy_int8": float(np.mean(int8_classes == labels)),
        "bytes_float": len(content),
        "bytes_int8": size,
        "output": str(output),
    }
    layers = compare_layers(model, reread, [[_real(image)] for image in images["images"][:_COMPARED]])
    explained = explain_logit(reread, model, images["images"][0])
    if json:
        print_json({**result, "layers": layers, "explained": explained})
        return
    _report(result, layers)
    _print_explanation(explained)


def _bundled() -> tuple[bytes, dict[str, Array]]:
    """The file of the float model and the images that come with the package."""
    folder = files("qcore") / "data"
    with as_file(folder / "digits.npz") as path, np.load(path, allow_pickle=False) as archive:
        return (folder / "digits_float.tflite").read_bytes(), {name: archive[name] for name in archive.files}


def _real(image: Array) -> Array:
    """A digit of 0..16 as the float model's input: float32 [1, 8, 8, 1] in 0..1."""
    return image[None].astype(np.float32) / np.float32(16)


def _classify(model: Model, images: Array, label: str) -> Array:
    interpreter = Interpreter(model)
    classes = np.zeros(len(images), np.int64)
    with progress_bar(label) as progress:
        for index, image in enumerate(images):
            classes[index] = int(interpreter.run(_input(model, image))[0].argmax())
            progress(index + 1, len(images))
    return classes


def _input(model: Model, image: Array) -> Array:
    quant = model.main.tensors[model.main.inputs[0]].quant
    if quant is None or not quant.is_quantized:
        return _real(image)
    return quantize_values(_real(image), quant.scale[0], int(quant.zero_point[0]), np.int8)


def _report(result: dict[str, Any], layers: list[LayerError]) -> None:
    rows: list[list[Any]] = [
        ["float32", f"{result['accuracy_float']:.1%}", f"{result['bytes_float']:,}", ""],
        [
            "int8",
            f"{result['accuracy_int8']:.1%}",
            f"{result['bytes_int8']:,}",
            f"{result['bytes_float'] / result['bytes_int8']:.2f} x smaller",
        ],
    ]
    out.print(f"{result['images']} held-out digits:")
    print_table(None, ["model", "accuracy", "bytes", ""], rows, "accuracy,bytes")
    out.print(f"written and read back: {result['output']}\n")
    rows = [
        [e.operator, e.name, e.type.name.lower(), f"{e.scale:.9f}", e.zero_point, f"{e.sqnr:.1f} dB"]
        for e in layers
        if e.scale is not None
    ]
    out.print(f"Every layer against float, over {_COMPARED} digits:")
    columns = ["#", "layer", "output", "scale", "zero point", "SQNR"]
    print_table(None, columns, rows, "#,scale,zero point,SQNR")


@dataclass(frozen=True)
class Explanation:
    """One element of the logits layer: where it is, its largest products, and every step to its final integer."""

    operator: int
    element: tuple[int, ...]
    taps: list[tuple[int, int, int]]
    count: int
    steps: list[tuple[str, str, int]]
    constants: dict[str, float]
    real: float
    exact: float


def explain_logit(model: Model, float_model: Model, image: Array) -> Explanation:
    """How the largest logit of one image came about, from the steps the kernel itself recorded."""
    index, op = _dense(model)
    interpreter = Interpreter(model)
    recording = interpreter.record([index])
    interpreter.run(_input(model, image))
    x, y = (model.main.tensors[t] for t in (op.inputs[0], op.outputs[0]))
    weights = model.main.tensors[op.inputs[1]]
    assert x.quant
    assert y.quant
    assert weights.quant
    logits = interpreter.get_tensor(op.outputs[0])
    at = (0, int(logits[0].argmax()))
    offsets = interpreter.get_tensor(op.inputs[0]).reshape(-1).astype(int) - int(x.quant.zero_point[0])
    row = interpreter.get_tensor(op.inputs[1])[at[1]].astype(int)
    largest = np.argsort(-np.abs(offsets * row), kind="stable")[:_TAPS]
    steps = recording.steps(index)
    equations = find(op.code).steps
    exact = Interpreter(float_model)
    exact.run(_real(image))
    weight_scale = float(weights.quant.scale[at[1] if weights.quant.is_per_channel else 0])
    multiplier = float(x.quant.scale[0]) * weight_scale / float(y.quant.scale[0])
    return Explanation(
        operator=index,
        element=at,
        taps=[(int(offsets[i]), int(row[i]), int(offsets[i] * row[i])) for i in largest],
        count=row.size,
        steps=[(name, equations[name].partition(";")[0], int(np.asarray(value)[at])) for name, value in steps.items()],
        constants={
            "input scale": float(x.quant.scale[0]),
            "weight scale": weight_scale,
            "output scale": float(y.quant.scale[0]),
            "zero point": int(y.quant.zero_point[0]),
            "M": multiplier,
            "acc * M": int(np.asarray(steps["add_bias"])[at]) * multiplier,
        },
        real=(int(logits[at]) - int(y.quant.zero_point[0])) * float(y.quant.scale[0]),
        exact=float(exact.get_tensor(_dense(float_model)[1].outputs[0])[at]),
    )


def _dense(model: Model) -> tuple[int, Operator]:
    """The model's only FULLY_CONNECTED operator and its index."""
    return next((i, o) for i, o in enumerate(model.main.operators) if o.code == BuiltinOperator.FULLY_CONNECTED)


def _print_explanation(e: Explanation) -> None:
    out.print(
        f"\nHow operator {e.operator} FULLY_CONNECTED made output {list(e.element)} of the first digit:", markup=False
    )
    for x, w, product in e.taps:
        out.print(f"  (x - zx) * w    {x:5d} * {w:4d} = {product:8d}")
    out.print(f"  and {e.count - len(e.taps)} smaller products")
    for name, equation, value in e.steps:
        exactly = f" = round({e.constants['acc * M']:.6f})" if name == "requantize" else ""
        out.print(f"  {name:<15}{value:>22d}   {equation}{exactly}", markup=False)
    c = e.constants
    sx, sw, sy = (f"{c[name]:.9g}" for name in ("input scale", "weight scale", "output scale"))
    out.print(f"  M = sx * sw / sy = {sx} * {sw} / {sy} = {c['M']:.9g}")
    y = e.steps[-1][2]
    out.print(f"  stands for {sy} * ({y} - {c['zero point']}) = {e.real:.4f}; in float it is {e.exact:.4f}")
