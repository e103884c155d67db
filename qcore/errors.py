"""The exceptions of qcore: one family, each message with its place and what to do.

    QCoreError
     + ModelError          (both)        a file or a graph is malformed
     + ShapeError          (both)        shapes do not fit, or a value has the wrong shape or dtype
     + UnsupportedError    (both)        an operator, variant or option without a kernel
     + StateError          (both)        a call out of order, e.g. invoke before allocate_tensors
     + SignatureError      (ValueError)  no such signature, or not its inputs
     + CalibrationError    (ValueError)  missing or degenerate statistics
     + QuantizationError   (ValueError)  a quantization rule cannot be met, or is violated

In brackets: what tf.lite.Interpreter raises in the same situations, so callers written for it keep working. It raises
ValueError from the constructor, set_tensor, get_tensor and signatures, RuntimeError from resize_tensor_input,
allocate_tensors and invoke; an error that can come out of either side is both.
"""

__all__ = [
    "CalibrationError",
    "ModelError",
    "QCoreError",
    "QuantizationError",
    "ShapeError",
    "SignatureError",
    "StateError",
    "UnsupportedError",
]


class QCoreError(Exception):
    """Base of every exception that qcore raises on purpose."""


class ModelError(QCoreError, ValueError, RuntimeError):
    """A file or a graph is malformed; wraps `tflite_schema.FormatError`."""


class ShapeError(QCoreError, ValueError, RuntimeError):
    """Shapes do not fit together, or a value has another shape or dtype than its tensor."""


class UnsupportedError(QCoreError, ValueError, RuntimeError):
    """An operator, a combination of dtypes or an option for which there is no kernel."""


class StateError(QCoreError, ValueError, RuntimeError):
    """A method was called before the call it depends on."""


class SignatureError(QCoreError, ValueError):
    """A signature or one of its inputs does not exist, or a choice among several is missing."""


class CalibrationError(QCoreError, ValueError):
    """Statistics are missing, empty, NaN or of another model."""


class QuantizationError(QCoreError, ValueError):
    """A quantization rule cannot be satisfied, or a given recipe contradicts itself."""
