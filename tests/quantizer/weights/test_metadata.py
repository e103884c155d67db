from __future__ import annotations

import pytest

from qcore.ir import Model
from qcore.quantizer import quantize
from tests.quantizer.weights.graphs import build, dense
from tflite_schema import Metadata


def entries(model: Model) -> dict[str, bytes]:
    found = {}
    for entry in model.metadata:
        data = model.buffers[int(entry.buffer)]
        found[str(entry.name)] = b"" if data is None else data.tobytes()
    return found


@pytest.mark.parametrize("scheme", ["float16", "dynamic_range"])
def test_the_converters_own_comes_first(scheme: str) -> None:
    model = build(dense)
    for name in ("min_runtime_version", "mine"):
        model.metadata.append(Metadata(name=name, buffer=model.add_buffer(b"text")))
    found = entries(quantize(model, scheme))
    precision = {"reduced_precision_support": b"fp16accfp32"} if scheme == "float16" else {}
    assert list(found) == ["min_runtime_version", *precision, "mine"]
    assert found["mine"] == b"text"
    assert found["min_runtime_version"] != b"text"
    assert precision.items() <= found.items()
    assert list(entries(quantize(quantize(model, scheme), "float16"))).count("reduced_precision_support") == 1
