"""From float model to int8 file with our own calibration, against TensorFlow's calibrator and converter."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore import Interpreter, calibrate, load, quantize, save
from qcore.ir import Model
from qcore.tflite import to_bytes
from tests import oracle
from tests.quantizer.converter import converted
from tests.quantizer.test_real_models import KERAS, model
from tests.test_calibrator import REAL
from tflite_schema import TensorType

ULPS = 12


def samples(name: str, plain: Model) -> list[list[NDArray[Any]]]:
    """What the model is for, where that is known: the samples of tests/test_calibrator.py; else normal noise.

    The order in which a product is summed differs between NumPy and TFLite, and in both from processor to processor, so
    ranges differ in their last bits. Measured were 5 and 6 ulp in one scale of pretrainedResnet on two processors, 4 or
    less in all others. TFLite differs from itself by up to 7e-7, or 12 ulp, when it runs on another number of threads.
    """
    if name in REAL:
        return REAL[name]()
    rng = np.random.default_rng(0)
    details = Interpreter(plain).get_input_details()
    return [[rng.normal(size=d["shape"]).astype(d["dtype"]) for d in details] for _ in range(3)]


def ulps(a: NDArray[np.float32], b: NDArray[np.float32]) -> int:
    """The largest distance between two arrays of positive float32, in units of the last place."""
    return int(np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32).astype(np.int64)).max(initial=0))


def float_model(name: str) -> Model:
    """The float model, without ranges."""
    if name in KERAS:
        plain = model(name).copy()
        for tensor in plain.main.tensors:
            tensor.quant = None
        return plain
    path = oracle.MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"../shared/models/{name}.tflite is not here")
    return load(path)


def calibrated(plain: Model, values: list[list[NDArray[Any]]]) -> Model:
    """The model with the ranges of TensorFlow's calibrator."""
    calibrator = importlib.import_module("tensorflow.lite.python.optimize.calibrator")
    logged = calibrator.add_intermediate_tensors(to_bytes(plain))
    return load(bytes(calibrator.Calibrator(logged).calibrate(lambda: iter(values))))


@pytest.mark.parametrize("name", [*REAL, *KERAS])
def test_own_calibration_gives_the_converters_parameters(name: str) -> None:
    oracle.tensorflow()
    plain = float_model(name)
    values = samples(name, plain)
    ours, theirs = quantize(plain, "int8", calibrate(plain, values)), converted(calibrated(plain, values))
    compared = 0
    assert [op.name for op in ours.main.operators] == [op.name for op in theirs.main.operators]
    for mine, reference in zip(ours.main.tensors, theirs.main.tensors, strict=True):
        assert (mine.name, mine.type) == (reference.name, reference.type)
        if mine.quant is None or reference.quant is None or mine.type == TensorType.FLOAT32:
            continue
        # A bias scale is a product with the input's: the same relative distance is up to twice as many ulp.
        allowed = 2 * ULPS if mine.type == TensorType.INT32 else ULPS
        assert ulps(mine.quant.scale, reference.quant.scale) <= allowed, mine.name
        np.testing.assert_array_equal(mine.quant.zero_point, reference.quant.zero_point, err_msg=mine.name)
        compared += mine.quant.scale.size
    assert compared > 0


def test_the_readme_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example on the README's first screen, as written, with a model and samples of the reader's."""
    readme = Path(__file__).resolve().parents[1] / "README.md"
    code = readme.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    plain = float_model("branches")
    save(plain, "float.tflite")
    values = samples("branches", plain)
    names: dict[str, Any] = {"samples": values, "x": np.zeros((1, 16, 16, 4), np.int8)}
    exec(compile(code, "README.md", "exec"), names)
    assert [output.dtype for output in names["outputs"]] == [np.int8, np.int8]
