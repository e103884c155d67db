"""The pairs of MLPerf Tiny in ../shared, and samples for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import oracle

MODELS = {
    "resnet": ("mlptiny_pretrainedResnet_quant", "mlptiny_pretrainedResnet"),
    "anomaly detection": ("mlptiny_ad01_int8", "mlptiny_ad01_fp32"),
    "anomaly detection, dynamic range": ("mlptiny_model_ToyCar_quant", "mlptiny_ad01_fp32"),
    "keyword spotting": ("mlptiny_kws_ref_model", "mlptiny_kws_ref_model_float32"),
}


def frames(name: str, count: int) -> list[NDArray[Any]]:
    """Samples as the float model takes them: photos, sound frames."""
    if name == "resnet":
        images = np.load(oracle.DATA / "photos_96.npz")["images"][:count]
        return [image[None, ::3, ::3].astype(np.float32) for image in images]
    found = np.load(oracle.DATA / "toycar_frames.npz")["frames"]
    if name != "keyword spotting":
        return [x[None] for x in found[:count]]
    # No recordings are here: cepstra of the sound frames (128 mel bands in dB), scaled to the range of its features.
    bands = found.reshape(-1, 128)
    waves = np.cos(np.pi * (np.arange(128)[:, None] + 0.5) * np.arange(10) / 128)
    cepstra = 0.15 * np.sqrt(2 / 128) * (bands @ waves)
    return [cepstra[None, 3 * i : 3 * i + 49, :, None].astype(np.float32) for i in range(min(count, 50))]
