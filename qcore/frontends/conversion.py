"""TensorFlow, imported when it is needed, and one run of its converter without any optimization."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable
from typing import Any

from qcore.errors import ModelError, UnsupportedError
from qcore.frontends.canonical import canonical
from qcore.ir import Model
from qcore.tflite import load
from tflite_schema import BuiltinOperator

__all__ = ["converted", "reason", "tensorflow"]

_LENGTH = 300


def tensorflow() -> Any:
    """The module `tensorflow`; UnsupportedError that names the extra to install where it is missing."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow  # deferred: an optional dependency, and some seconds to import
    except ImportError as error:
        raise UnsupportedError(
            "models of TensorFlow and Keras are converted by TensorFlow, which is not installed; "
            "run: pip install 'qcore[tensorflow]'"
        ) from error
    return tensorflow


def converted(converter: Callable[[], Any], place: str) -> Model:
    """What a `tf.lite.TFLiteConverter`, made by `converter`, makes of its model, in canonical form.

    `place` names the model in messages.

    Raises UnsupportedError where the converter refuses the model, ModelError where it leaves out the value of a
    variable, so that nothing could be computed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras prints what it exports
            content = bytes(converter().convert())
    except Exception as error:  # the converter raises whatever any part of TensorFlow raises
        raise UnsupportedError(f"{place}: TensorFlow cannot convert it: {reason(error)}") from error
    model = canonical(load(content))
    _require_values(model, place)
    return model


def reason(error: BaseException) -> str:
    """The part of TensorFlow's message that says what is wrong, in one line, and what to do where that is known."""
    text = str(error)
    text = text.partition("Exception encountered: ")[2] or text  # how Keras quotes what really happened
    unknown = re.findall(r"(?:TF Select|Custom) ops: ([\w, ]+)", text)
    if unknown:
        return (
            f"there is no TensorFlow Lite operator for {', '.join(unknown)}; replace it in the model by others, or "
            "convert with TensorFlow itself and give qcore the .tflite (see qcore.register_custom)"
        )
    found = re.search(r"error: ([^\n]+)", text)
    lines = [found[1]] if found else [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]} ..."


def _require_values(model: Model, place: str) -> None:
    """Refuse variables that nothing sets before the first run: the file lacks the weights that were to be in it."""
    started = {op.options.init_subgraph_index for _, _, op in model.walk() if op.code == BuiltinOperator.CALL_ONCE}
    known: set[str | None] = set()
    handles: set[str | None] = set()
    for index, graph in enumerate(model.subgraphs):
        names = {
            op.outputs[0]: op.options.shared_name for op in graph.operators if op.code == BuiltinOperator.VAR_HANDLE
        }
        handles.update(names.values())
        if index in started:
            assigned = (op.inputs[0] for op in graph.operators if op.code == BuiltinOperator.ASSIGN_VARIABLE)
            known.update(names[tensor] for tensor in assigned if tensor in names)
    missing = sorted(str(name) for name in handles - known)
    if missing:
        raise ModelError(
            f"{place}: the conversion left out the values of {', '.join(missing)}; "
            "give the object that owns them (from_keras for a Keras model, from_saved_model for a saved one)"
        )
