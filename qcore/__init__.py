"""qcore: TensorFlow Lite's quantization, in NumPy, integer for integer.

    model = qcore.load("float.tflite")
    ranges = qcore.calibrate(model, samples)
    int8 = qcore.quantize(model, "int8", ranges)
    qcore.save(int8, "int8.tflite")
    outputs = qcore.Interpreter("int8.tflite").run(x)

Names are loaded on first use (PEP 562), so that `import qcore` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qcore.auditor.audit import Audit, audit
    from qcore.auditor.comparer import compare
    from qcore.auditor.diagnoser import why
    from qcore.auditor.differ import diff
    from qcore.auditor.explainer import explain
    from qcore.calibrator import Calibration, calibrate
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
    from qcore.evaluator import Evaluation, evaluate
    from qcore.frontends import from_checkpoint, from_concrete_function, from_keras, from_saved_model
    from qcore.interpreter import Interpreter, SignatureRunner
    from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
    from qcore.op import Op, register_custom
    from qcore.quantizer import Recipe, Rule, correct_biases, equalize, quantize
    from qcore.tflite import load, save

__version__ = "0.1.0"
__all__ = [
    "Audit",
    "Calibration",
    "CalibrationError",
    "Evaluation",
    "Interpreter",
    "Model",
    "ModelError",
    "Op",
    "Operator",
    "QCoreError",
    "QuantParams",
    "QuantizationError",
    "Recipe",
    "Rule",
    "ShapeError",
    "SignatureError",
    "SignatureRunner",
    "StateError",
    "Subgraph",
    "Tensor",
    "UnsupportedError",
    "audit",
    "calibrate",
    "compare",
    "correct_biases",
    "diff",
    "equalize",
    "evaluate",
    "explain",
    "from_checkpoint",
    "from_concrete_function",
    "from_keras",
    "from_saved_model",
    "load",
    "quantize",
    "register_custom",
    "save",
    "why",
]

_HOMES = {
    "auditor.audit": ("Audit", "audit"),
    "auditor.comparer": ("compare",),
    "auditor.diagnoser": ("why",),
    "auditor.differ": ("diff",),
    "auditor.explainer": ("explain",),
    "calibrator": ("Calibration", "calibrate"),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "evaluator": ("Evaluation", "evaluate"),
    "frontends": ("from_checkpoint", "from_concrete_function", "from_keras", "from_saved_model"),
    "interpreter": ("Interpreter", "SignatureRunner"),
    "ir": ("Model", "Operator", "QuantParams", "Subgraph", "Tensor"),
    "op": ("Op", "register_custom"),
    "quantizer": ("Recipe", "Rule", "correct_biases", "equalize", "quantize"),
    "tflite": ("load", "save"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'qcore' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"qcore.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
