"""`qcore show MODEL`: what is in the file: graphs, operators, tensors and their quantization."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from qcore.cli.console import out, print_json, print_table
from qcore.cli.kernels import KERNELS_HELP, checked_kernels
from qcore.cli.source import HELP, file_size, read_model
from qcore.executors import Executor, list_executors
from qcore.ir import Model, Subgraph, Tensor
from qcore.kernel_sets import KernelSet


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor too.")] = False,
    kernels: Annotated[
        str | None,
        typer.Option(
            callback=checked_kernels,
            metavar="SET",
            help=f"List who runs each operator under this kernel set, and why. {KERNELS_HELP}",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show the graphs, operators, tensors and quantization of a model."""
    loaded = read_model(model)
    listed = None if kernels is None else list_executors(loaded, KernelSet.of(kernels))
    if json:
        print_json(description(loaded, listed))
        return
    size = f"  {file_size(model, loaded):,} bytes, {len(loaded.subgraphs)} subgraph(s)"
    out.print(Text.assemble((str(model), "bold"), size), soft_wrap=True)
    if loaded.description:
        out.print(f"description: {loaded.description}", markup=False, soft_wrap=True)
    for signature in loaded.signatures:
        names = ", ".join(entry.name or "" for entry in signature.inputs or [])
        results = ", ".join(entry.name or "" for entry in signature.outputs or [])
        out.print(f"signature {signature.signature_key}: {names} -> {results}", markup=False, soft_wrap=True)
    for index, graph in enumerate(loaded.subgraphs):
        out.print()
        _show_graph(loaded, graph, index, tensors)
        if listed is not None and graph.operators:
            out.print()
            _show_executors(listed[index], str(kernels))


def _show_executors(listed: Sequence[Executor], kernels: str) -> None:
    rows = [[e.operator, e.name, "" if e.kernels is None else e.kernels, e.reason] for e in listed]
    print_table(f"under the kernel set {kernels}", ["#", "operator", "run by", "why"], rows, "#")


def _show_graph(model: Model, graph: Subgraph, index: int, tensors: bool) -> None:
    border = [[kind, i, *_tensor_row(graph.tensors[i])] for kind, ids in _borders(graph) for i in ids]
    print_table(
        f"subgraph {index} {graph.name or ''}".rstrip(),
        ["", "tensor", "name", "type", "shape", "scale", "zero point"],
        border,
        "tensor,scale,zero point",
    )
    rows = []
    for position, op in enumerate(graph.operators):
        result = graph.tensors[op.outputs[0]] if op.outputs else None
        row = [position, op.name, f"v{op.version}", " ".join(map(str, op.inputs)), " ".join(map(str, op.outputs))]
        rows.append([*row, *(_tensor_row(result)[1:] if result is not None else [""] * 4)])
    out.print()
    columns = ["#", "operator", "", "in", "out", "type", "shape", "scale", "zero point"]
    print_table(None, columns, rows, "#,scale,zero point")
    if tensors:
        out.print()
        body = [
            [i, *_tensor_row(t), "constant" if model.is_constant(t) else "variable" if t.is_variable else ""]
            for i, t in enumerate(graph.tensors)
        ]
        print_table(None, ["#", "tensor", "type", "shape", "scale", "zero point", ""], body, "#,scale,zero point")


def _borders(graph: Subgraph) -> list[tuple[str, tuple[int, ...]]]:
    return [("input", graph.inputs), ("output", graph.outputs)]


def _tensor_row(tensor: Tensor) -> list[str]:
    scale = zero = ""
    if tensor.quant is not None and tensor.quant.is_quantized:
        if tensor.quant.is_per_channel:
            low, high = tensor.quant.scale.min(), tensor.quant.scale.max()
            scale = f"{low:.4g}..{high:.4g} ({tensor.quant.scale.size} along {tensor.quant.quantized_dimension})"
        else:
            scale = f"{tensor.quant.scale[0]:.9g}"
        zeros = tensor.quant.zero_point
        zero = str(zeros[0]) if zeros.size and (zeros == zeros[0]).all() else "various" if zeros.size else ""
    shape = tensor.shape_signature if tensor.shape_signature is not None else tensor.shape
    return [tensor.name, tensor.type.name.lower(), "x".join(map(str, shape)) or "scalar", scale, zero]


def description(model: Model, executors: Sequence[Sequence[Executor]] | None = None) -> dict[str, Any]:
    """The model as plain data, with who runs each operator where that is given: what `--json` prints."""
    return {
        "description": model.description,
        "signatures": [
            {
                "key": s.signature_key,
                "subgraph": s.subgraph_index,
                "inputs": {e.name: e.tensor_index for e in s.inputs or []},
                "outputs": {e.name: e.tensor_index for e in s.outputs or []},
            }
            for s in model.signatures
        ],
        "subgraphs": [
            {
                "name": graph.name,
                "inputs": graph.inputs,
                "outputs": graph.outputs,
                "operators": [
                    {"name": op.name, "version": op.version, "inputs": op.inputs, "outputs": op.outputs}
                    | ({} if executors is None else _executor_data(executors[index][position]))
                    for position, op in enumerate(graph.operators)
                ],
                "tensors": [_tensor_data(model, tensor) for tensor in graph.tensors],
            }
            for index, graph in enumerate(model.subgraphs)
        ],
    }


def _executor_data(executor: Executor) -> dict[str, Any]:
    kernels = None if executor.kernels is None else str(executor.kernels)
    return {
        "executor": {
            "kernels": kernels,
            "refused": executor.refused,
            "unknown": executor.unknown,
            "close": executor.close,
        }
    }


def _tensor_data(model: Model, tensor: Tensor) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": tensor.name,
        "type": tensor.type.name,
        "shape": tensor.shape,
        "shape_signature": tensor.shape_signature,
        "constant": model.is_constant(tensor),
    }
    if tensor.quant is not None and tensor.quant.is_quantized:
        data["scale"] = tensor.quant.scale
        data["zero_point"] = tensor.quant.zero_point
        data["quantized_dimension"] = tensor.quant.quantized_dimension
    return data
