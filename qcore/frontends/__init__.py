"""Front ends: models of TensorFlow and Keras, converted by TensorFlow to a float .tflite and read into a `Model`.

TensorFlow is imported when a function here is called, never before; nothing else in qcore needs it.
"""

from qcore.frontends.checkpoint import CheckpointWarning, from_checkpoint
from qcore.frontends.concrete_function import from_concrete_function
from qcore.frontends.content import convert, needs_conversion
from qcore.frontends.keras import from_keras
from qcore.frontends.saved_model import from_saved_model

__all__ = [
    "CheckpointWarning",
    "convert",
    "from_checkpoint",
    "from_concrete_function",
    "from_keras",
    "from_saved_model",
    "needs_conversion",
]
