"""The .tflite file format: tables as declared in schema.fbs, read from bytes and written to bytes.

    model = read("model.tflite")
    model.subgraphs[0].tensors[0].shape
    data = write(model)

Lossless or loud: what a file holds is kept, or FormatError says what is not known. Knows nothing of quantization.
"""

from tflite_schema import enums, tables
from tflite_schema.enums import *  # noqa: F403 - every enum; `enums.__all__` is the list
from tflite_schema.field import TABLES, FormatError
from tflite_schema.reader import Limits, read
from tflite_schema.table import Table
from tflite_schema.tables import *  # noqa: F403 - every table; `tables.__all__` is the list
from tflite_schema.writer import FLATBUFFER_LIMIT, write

__all__ = ["FLATBUFFER_LIMIT", "TABLES", "FormatError", "Limits", "Table", "read", "write"]
__all__ += enums.__all__
__all__ += tables.__all__
