"""qcore: TensorFlow Lite's quantization, in NumPy, integer for integer.

model = qcore.load("float.tflite")
ranges = qcore.calibrate(model, samples)
int8 = qcore.quantize(model, "int8", ranges)
qcore.save(int8, "int8.tflite")
outputs = qcore.Interpreter("int8.tflite").run(x)
"""

from qcore.errors import (
    CalibrationError,
    ModelError,
    QCoreError,
    QuantizationError,
    ShapeError,
    SignatureError,
    StateError,
    UnsupportedError,
)
from qcore.interpreter import Interpreter, SignatureRunner
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.tflite import load, save

__version__ = "0.1.0"
__all__ = [
    "CalibrationError",
    "Interpreter",
    "Model",
    "ModelError",
    "Operator",
    "QCoreError",
    "QuantParams",
    "QuantizationError",
    "ShapeError",
    "SignatureError",
    "SignatureRunner",
    "StateError",
    "Subgraph",
    "Tensor",
    "UnsupportedError",
    "load",
    "save",
]
