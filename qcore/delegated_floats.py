"""What float32 results are worth: equal in all bits, or close; and how XNNPACK's float32 kernels differ from others.

XNNPACK runs every operator with denormal numbers disabled (PTHREADPOOL_FLAG_DISABLE_DENORMALS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import UnsupportedError

__all__ = ["are_floats_close", "float_kernel_of_xnnpack"]

Kernel = Callable[[Any, list[Any], Any], list[NDArray[Any]]]

_ALL_BITS = (
    "ABS ADD CEIL CONCATENATION DEPTH_TO_SPACE DEQUANTIZE DIV EXPAND_DIMS FLOOR GATHER GATHER_ND LEAKY_RELU "
    "MAXIMUM MAX_POOL_2D MINIMUM MIRROR_PAD MUL NEG PACK PAD PADV2 PRELU REDUCE_MAX REDUCE_MIN RELU RELU6 "
    "RELU_0_TO_1 RELU_N1_TO_1 RESHAPE ROUND SELECT SELECT_V2 SLICE SPACE_TO_DEPTH SPLIT SPLIT_V SQUARE "
    "SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB TILE TRANSPOSE UNPACK"
)
_ALL_BITS_HYBRID = "BATCH_MATMUL CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED TRANSPOSE_CONV"
_ONLY_MOVED = "ABS CONCATENATION DEPTH_TO_SPACE PAD RESHAPE SLICE SPACE_TO_DEPTH SPLIT STRIDED_SLICE TRANSPOSE"
_FUNCTIONS = ("ELU", "EXP", "GELU", "HARD_SWISH", "LOGISTIC", "SOFTMAX", "TANH")
_KEEP_DENORMALS = ("LEAKY_RELU", "PRELU")
_CHOOSE = ("MAXIMUM", "MINIMUM")
_SMALLEST = np.finfo(np.float32).tiny


def are_floats_close(name: str, hybrid: bool) -> bool:
    """Whether float results of an operator are only close to TFLite's, in any kernel set: within 1e-5 of the largest.

    Sums are added up in another order, and functions approximated in another way. Everything else equals in all bits.
    This is said of the operator alone, and of finite results that overflow nowhere: an operator after it that quantizes
    these numbers may round one of them to the next integer.
    """
    return name not in (_ALL_BITS_HYBRID if hybrid else _ALL_BITS).split()


def float_kernel_of_xnnpack(name: str, kernel: Kernel) -> Kernel:
    """A kernel of float32 as XNNPACK runs it: denormal operands are read as zeros, denormal results become zeros."""
    if name in _ONLY_MOVED.split():
        return kernel

    def run(params: Any, inputs: list[Any], ctx: Any) -> list[NDArray[Any]]:
        if name in _CHOOSE:
            _require_known_order(*inputs)
        if name == "MAX_POOL_2D" and np.isnan(inputs[0]).any():
            raise UnsupportedError("what XNNPACK makes of NaN in MAX_POOL_2D is not known; use kernels='reference'")
        if name in _FUNCTIONS and not np.isfinite(inputs[0]).all():
            raise UnsupportedError(
                f"what XNNPACK makes of infinities and NaN in {name} is not known; use kernels='reference'"
            )
        results = [_flush(y) for y in kernel(params, [_flush(x) for x in inputs], ctx)]
        if name in _KEEP_DENORMALS:  # a denormal number is not below zero, so that it is passed on
            results = [np.where(_is_denormal(inputs[0]), inputs[0], results[0])]
        return results

    return run


def _require_known_order(a: NDArray[Any], b: NDArray[Any]) -> None:
    """The second operand wins over NaN; XNNPACK changes the order of some that are repeated."""
    if a.shape != b.shape and (np.isnan(a).any() or np.isnan(b).any()):
        raise UnsupportedError(
            "what XNNPACK makes of NaN in operands of two shapes is not known; use kernels='reference'"
        )


def _is_denormal(x: NDArray[np.float32]) -> NDArray[np.bool_]:
    return (x != 0) & (np.abs(x) < _SMALLEST)


def _flush(x: Any) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype != np.float32:
        return x
    denormal = _is_denormal(x)
    return np.where(denormal, np.copysign(np.float32(0), x), x) if denormal.any() else x
