"""SavedModel directories."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from qcore.errors import ModelError, SignatureError
from qcore.frontends.conversion import converted, tensorflow
from qcore.ir import Model

__all__ = ["from_saved_model"]

_INTERNAL = "__saved_model"
_SERVE = "serve"


def from_saved_model(path: str | os.PathLike[str], signature: str | None = None) -> Model:
    """A float model from a SavedModel directory: of one signature, or (None) of all, a subgraph for each.

    TensorFlow's converter makes it, without optimizations. Converting a directory twice gives the same bytes. A
    SavedModel is a program: TensorFlow may run parts of it to convert it, so trust where it comes from.
    Raises ModelError for a folder that is no SavedModel, SignatureError where there is no such signature (or none at
    all), UnsupportedError where TensorFlow is missing or cannot load or convert the model.
    """
    tf = tensorflow()
    folder = Path(path)
    keys = _signatures(folder)
    if not keys:
        raise SignatureError(
            f"{folder}: the SavedModel has no signature; save it with tf.saved_model.save(..., signatures=...), "
            "or load it and give one of its functions to qcore.from_concrete_function"
        )
    if signature is not None and signature not in keys:
        raise SignatureError(f"{folder}: no signature {signature!r}; the model has {', '.join(map(repr, keys))}")
    chosen = keys if signature is None else [signature]
    return converted(lambda: tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=chosen), str(folder))


def _signatures(folder: Path) -> list[str]:
    """The signature keys of the graph that is for serving, sorted."""
    saved = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    try:
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    except Exception as error:  # no file, or bytes that the protobuf library refuses in its own way
        raise ModelError(
            f"{folder}: no SavedModel can be read: {error}; tf.saved_model.save makes a folder with saved_model.pb"
        ) from error
    serving = [graph for graph in saved.meta_graphs if _SERVE in graph.meta_info_def.tags]
    if not serving:
        raise ModelError(f"{folder}: the SavedModel holds no graph with the tag {_SERVE!r}; save it for serving")
    return sorted(key for key in serving[0].signature_def if not key.startswith(_INTERNAL))
