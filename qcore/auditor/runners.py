"""Who runs a model in a comparison: one of qcore's kernel sets, or an installed TensorFlow or ai-edge-litert."""

from __future__ import annotations

import importlib
import operator
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.kernel_sets import KernelSet
from qcore.tflite import to_bytes

__all__ = ["RUNTIMES", "Runner", "runner"]

Array = NDArray[Any]
_PACKAGES = {
    "tensorflow": ("tensorflow", "lite.Interpreter", "lite.experimental.OpResolverType", "tensorflow"),
    "litert": ("ai_edge_litert.interpreter", "Interpreter", "OpResolverType", "litert"),
}
"""Name -> module, the interpreter and the resolvers in it, and the extra that installs it."""
_RESOLVERS = {"reference": "BUILTIN_REF", "optimized": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "xnnpack": "AUTO"}
RUNTIMES = tuple(f"{package}/{kernels}" for package in _PACKAGES for kernels in _RESOLVERS)
"""Installed runtimes by name: package/kernels."""


class Runner(Protocol):
    """Runs a model and shows its tensors."""

    def run(self, inputs: Sequence[Array]) -> None:
        """Run on arrays in input order."""

    def tensor(self, index: int) -> Array | None:
        """A tensor of the main graph after the run; None where it cannot be seen."""


def runner(model: Model, name: str) -> Runner:
    """The runner of a name: "reference", "optimized", "xnnpack" or a qualified kernel set of qcore's, or
    "tensorflow/reference", "litert/xnnpack", ... of an installed runtime.

    UnsupportedError: there is no such kernel set, or the package is not installed.
    """
    package, _, kernels = name.rpartition("/")
    if not package:
        return _Ours(model, KernelSet.of(kernels))
    if name not in RUNTIMES:
        raise UnsupportedError(f"no runtime {name!r}; choose a kernel set, or one of {', '.join(RUNTIMES)}")
    return _Installed(model, package, kernels)


class _Ours:
    def __init__(self, model: Model, kernels: KernelSet) -> None:
        self.interpreter = Interpreter(model, kernels=kernels)

    def run(self, inputs: Sequence[Array]) -> None:
        self.interpreter.run(list(inputs))

    def tensor(self, index: int) -> Array | None:
        return self.interpreter.get_tensor(index)


class _Installed:
    def __init__(self, model: Model, package: str, kernels: str) -> None:
        module, interpreter, resolvers, extra = _PACKAGES[package]
        try:
            library = importlib.import_module(module)
        except ImportError:
            raise UnsupportedError(f"{package} is not installed; pip install 'qcore[{extra}]'") from None
        make, resolver = (operator.attrgetter(path)(library) for path in (interpreter, resolvers))
        self.hidden = kernels == "xnnpack"  # a delegate keeps what lies between its nodes to itself
        self.outputs = set(model.main.outputs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.interpreter = make(
                model_content=to_bytes(model),
                experimental_op_resolver_type=getattr(resolver, _RESOLVERS[kernels]),
                experimental_preserve_all_tensors=not self.hidden,
                num_threads=1,
            )
        try:
            self.interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise UnsupportedError(f"{package}/{kernels} refuses the model: {error}") from error

    def run(self, inputs: Sequence[Array]) -> None:
        details = self.interpreter.get_input_details()
        for detail, value in zip(details, inputs, strict=True):
            if tuple(detail["shape"]) != np.shape(value):
                self.interpreter.resize_tensor_input(detail["index"], np.shape(value))
        self.interpreter.allocate_tensors()
        for detail, value in zip(details, inputs, strict=True):
            self.interpreter.set_tensor(detail["index"], value)
        self.interpreter.invoke()

    def tensor(self, index: int) -> Array | None:
        if self.hidden and index not in self.outputs:
            return None
        return np.asarray(self.interpreter.get_tensor(index))
