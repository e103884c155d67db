"""Functions of TensorFlow, traced for one set of shapes."""

from __future__ import annotations

from typing import Any

from qcore.errors import UnsupportedError
from qcore.frontends.conversion import converted, reason, tensorflow
from qcore.ir import Model

__all__ = ["from_concrete_function"]


def from_concrete_function(fn: Any, owner: Any = None) -> Model:
    """A float model from a concrete function, or from a `tf.function` with an input signature.

    TensorFlow's converter makes it, without optimizations. Converting a function twice gives the same bytes. The
    variables a function reads are found and become constants; a lookup table is found only in `owner`, the object
    that holds it.

    Raises UnsupportedError for anything else than such a function, where TensorFlow is missing and where it cannot
    convert the function; ModelError where the value of a variable would be left out.
    """
    tf = tensorflow()
    concrete = fn
    if not hasattr(fn, "structured_input_signature"):
        if not hasattr(fn, "get_concrete_function"):
            raise UnsupportedError(
                f"{fn!r} is no concrete function; make one: tf.function(f).get_concrete_function(tf.TensorSpec(...))"
            )
        try:
            concrete = fn.get_concrete_function()
        except (TypeError, ValueError) as error:
            raise UnsupportedError(
                f"{fn!r} has no input signature: {reason(error)}; give fn.get_concrete_function(tf.TensorSpec(...))"
            ) from error
    # Keras 3 hides its variables from what saves a module, and the converter then writes a file without weights.
    holder = tf.Module()
    holder.variables_read = list(concrete.graph.variables)
    holder.owner = owner
    place = f"function {getattr(concrete, 'name', fn)!r}"
    return converted(lambda: tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder), place)
