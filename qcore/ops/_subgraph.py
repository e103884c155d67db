"""What operators check that run other graphs of the model: that operands and results fit the graph's own.

TFLite: kernels/if.cc, kernels/while.cc
"""

from __future__ import annotations

from collections.abc import Sequence

from qcore.op import Node, NodeTensor
from tflite_schema import TensorType

__all__ = ["require_signature"]


def require_signature(
    n: Node, index: int, operands: Sequence[NodeTensor], results: Sequence[TensorType], what: str
) -> None:
    """ModelError unless graph `index` takes these operands and returns these types."""
    graph = n.graph(index)
    for kind, given, expected in (
        ("inputs", graph.inputs, [tensor.type for tensor in operands]),
        ("outputs", graph.outputs, list(results)),
    ):
        types = [graph.tensors[tensor].type for tensor in given]
        n.require(
            types == expected,
            f"the {what} (subgraph {index}) has {kind} {', '.join(t.name for t in types) or 'none'}; "
            f"expected {', '.join(t.name for t in expected) or 'none'}",
        )
