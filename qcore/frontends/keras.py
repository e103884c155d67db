"""Keras models, of Keras 2 and 3, in memory or in a .keras or .h5 file."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qcore.errors import ModelError, QCoreError, UnsupportedError
from qcore.frontends.conversion import converted, reason, tensorflow
from qcore.ir import Model

__all__ = ["from_keras"]


def from_keras(model: Any) -> Model:
    """A float model from a Keras model, or from the path of a .keras or .h5 file.

    TensorFlow's converter makes it, without optimizations. Keras 2 (the package `tf_keras`) and Keras 3 with the
    TensorFlow backend; a file is opened by the Keras that wrote it, and code in it (a Lambda layer) is not run.
    Converting a model twice gives the same bytes.

    Raises ModelError for a file that cannot be opened, UnsupportedError where TensorFlow, or the Keras of the file, is
    missing, and where TensorFlow cannot load or convert the model.
    """
    if isinstance(model, (str, os.PathLike)):
        return _converted(_opened(Path(model)), str(model))
    return _converted(model, f"Keras model {getattr(model, 'name', type(model).__name__)!r}")


def _converted(model: Any, place: str) -> Model:
    tf = tensorflow()
    if not (hasattr(model, "layers") and hasattr(model, "built")):
        raise UnsupportedError(f"{place}: this is no Keras model; give one, or the path of a .keras or .h5 file")
    keras = importlib.import_module(_package(model))
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise UnsupportedError(
            f"{place}: its Keras computes with {backend}; set the environment variable KERAS_BACKEND=tensorflow "
            "before Keras is imported"
        )
    if not model.built:
        raise UnsupportedError(f"{place}: the model was never called, so its shapes are not known; call it once")
    return converted(lambda: tf.lite.TFLiteConverter.from_keras_model(model), place)


def _package(model: Any) -> str:
    """The Keras a model is of: `keras` or `tf_keras`."""
    roots = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    return "tf_keras" if "tf_keras" in roots else "keras"


# Files ----------------------------------------------------------------------------------------------------------------


def _opened(path: Path) -> Any:
    """The model in a .keras or .h5 file."""
    tensorflow()
    package = "tf_keras" if _version(path).startswith("2.") else "keras"
    try:
        keras = importlib.import_module(package)
    except ImportError as error:
        raise UnsupportedError(f"{path}: Keras 2 wrote this file; to read it run: pip install tf_keras") from error
    try:
        with _named(path, ".keras" if zipfile.is_zipfile(path) else ".h5") as named:
            return keras.models.load_model(named, compile=False)
    except Exception as error:  # Keras raises whatever the code of any layer raises
        raise UnsupportedError(
            f"{path}: Keras cannot load it: {reason(error)}; if the model has layers or functions of your own, load it "
            "yourself, keras.models.load_model(path, custom_objects={...}), and give the model to qcore.from_keras"
        ) from error


@contextlib.contextmanager
def _named(path: Path, ending: str) -> Iterator[Path]:
    """The path, or that of a copy, under a name that ends as Keras demands."""
    if path.suffix == ending:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copyfile(path, Path(folder) / f"model{ending}"))


def _version(path: Path) -> str:
    """The version of the Keras that wrote a file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        h5py = importlib.import_module("h5py")
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise ModelError(
                    f"{path}: this file holds weights without a model; build the model, call its load_weights(path), "
                    "and give it to qcore.from_keras"
                )
            version = str(file.attrs.get("keras_version", "2.0"))
            _refuse_code(path, json.loads(file.attrs["model_config"]))
            return version
    except QCoreError:
        raise
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RecursionError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: cannot be read as a .keras or .h5 file: {error}") from error


def _refuse_code(path: Path, config: Any) -> None:
    """Refuse a Lambda layer: the .h5 file holds its code, and Keras 2 would run it (Keras 3 refuses by itself)."""
    if isinstance(config, dict):
        if config.get("class_name") == "Lambda":
            raise UnsupportedError(
                f"{path}: a Lambda layer holds Python code, which is not run from a file; if you trust the file, "
                "load it yourself and give the model to qcore.from_keras"
            )
        config = list(config.values())
    for value in config if isinstance(config, list) else ():
        _refuse_code(path, value)
