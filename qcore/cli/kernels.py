"""The option by which a kernel set is chosen, for every command that runs a model."""

from __future__ import annotations

from typing import Annotated

import typer

from qcore.auditor.runners import RUNTIMES
from qcore.errors import UnsupportedError
from qcore.kernel_sets import NAMES, KernelSet

__all__ = ["KERNELS_HELP", "KernelsOption", "RunnerOption", "checked_kernels", "checked_runner"]

_QUALIFIED = (
    "xnnpack is what TensorFlow Lite runs by default; @ names a release (xnnpack@litert-2.3, reference@2.19), and "
    "optimized-arm the optimized kernels of ARM, read from their source and not measured."
)
KERNELS_HELP = f"Whose arithmetic: {', '.join(NAMES)}. {_QUALIFIED}"


def checked_kernels(text: str | None) -> str | None:
    """The name of a kernel set as it is; a usage error for any other."""
    try:
        return None if text is None else str(KernelSet.of(text))
    except UnsupportedError as error:
        raise typer.BadParameter(str(error)) from None


def checked_runner(text: str | None) -> str | None:
    """The name of a kernel set or of an installed runtime's, as in tensorflow/reference; or a usage error."""
    if text is not None and "/" in text:
        if text not in RUNTIMES:
            raise typer.BadParameter(f"no runtime {text!r}; choose a kernel set, or one of {', '.join(RUNTIMES)}")
        return text
    return checked_kernels(text)


KernelsOption = Annotated[str, typer.Option("--kernels", callback=checked_kernels, metavar="SET", help=KERNELS_HELP)]
RunnerOption = Annotated[
    str,
    typer.Option(
        "--kernels",
        callback=checked_runner,
        metavar="SET",
        help=f"Who runs A: {', '.join(NAMES)}, or an installed {RUNTIMES[0]}, {RUNTIMES[-1]}, ... {_QUALIFIED}",
    ),
]
