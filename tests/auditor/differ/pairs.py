"""Models for the tests of diff: the digits model, quantized in several ways."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from qcore import Calibration, Model, calibrate, load, quantize

FOLDER = files("qcore") / "data"


@cache
def float_model() -> Model:
    return load((FOLDER / "digits_float.tflite").read_bytes())


@cache
def calibration(method: str = "min_max") -> Calibration:
    with (FOLDER / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        samples = [image[None].astype(np.float32) / np.float32(16) for image in archive["calibration"][:20]]
    return calibrate(float_model(), samples, method=method)


def quantized(recipe: Any = "int8", method: str = "min_max", **options: Any) -> Model:
    """The digits model quantized anew: what is returned may be changed."""
    needs = recipe not in ("dynamic_range", "float16", "weight_only_int8")
    return quantize(float_model(), recipe, calibration(method) if needs else None, **options)
