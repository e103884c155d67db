"""`qcore demo`: calibrate, quantize and run a bundled CNN on real handwritten digits, and explain one number."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from qcore.auditor.explainer import explain
from qcore.auditor.explanation import Explanation
from qcore.auditor.metrics import LayerError, compare_layers
from qcore.calibrator import calibrate
from qcore.cli.console import guard, out, print_json, print_table, progress_bar
from qcore.cli.explain import print_explanation
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator
from qcore.numerics.affine import quantize as quantize_values
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
    explained, exact = _explain(reread, model, images["images"][0])
    if json:
        print_json({**result, "layers": layers, "explained": explained.as_json(), "exact": exact})
        return
    _report(result, layers)
    out.print("\nHow the largest logit of the first digit came about:")
    print_explanation(explained, _TAPS)
    out.print(f"  in float it is {exact:.4f}")


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
    out.print(f"written and read back: {result['output']}\n", soft_wrap=True)
    rows = [
        [e.operator, e.name, e.type.name.lower(), f"{e.scale:.9f}", e.zero_point, f"{e.sqnr:.1f} dB"]
        for e in layers
        if e.scale is not None
    ]
    out.print(f"Every layer against float, over {_COMPARED} digits:")
    columns = ["#", "layer", "output", "scale", "zero point", "SQNR"]
    print_table(None, columns, rows, "#,scale,zero point,SQNR")


def _explain(model: Model, float_model: Model, image: Array) -> tuple[Explanation, float]:
    """How the largest logit of one image came about, and what the float model has there."""
    index, op = _dense(model)
    interpreter = Interpreter(model)
    interpreter.run(_input(model, image))
    at = (0, int(interpreter.get_tensor(op.outputs[0])[0].argmax()))
    exact = Interpreter(float_model)
    exact.run(_real(image))
    logits = exact.get_tensor(_dense(float_model)[1].outputs[0])
    return explain(model, _input(model, image), index, at), float(logits[at])


def _dense(model: Model) -> tuple[int, Operator]:
    """The model's only FULLY_CONNECTED operator and its index."""
    return next((i, o) for i, o in enumerate(model.main.operators) if o.code == BuiltinOperator.FULLY_CONNECTED)
