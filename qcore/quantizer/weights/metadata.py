"""What the converter writes about the file: the runtime it needs and, for float16, how halves may be summed up."""

from __future__ import annotations

from qcore.ir import Model
from qcore.quantizer import finish
from tflite_schema import Metadata

__all__ = ["set_metadata"]

_PRECISION = "reduced_precision_support"
_HALVES_SUMMED_UP_IN_SINGLE = b"fp16accfp32"


def set_metadata(result: Model, source: Model, *, half: bool) -> None:
    """The lowest runtime version that knows all operators, the precision, then what the float model carries."""
    finish.set_metadata(result, source)
    *carried, version = result.metadata
    result.metadata = [version]
    if half:
        buffer = result.add_buffer(_HALVES_SUMMED_UP_IN_SINGLE)
        result.metadata.append(Metadata(name=_PRECISION, buffer=buffer))
    result.metadata += [entry for entry in carried if entry.name != _PRECISION]
