"""`qcore quantize MODEL --data d.npz -o int8.tflite`: write a quantized model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from qcore.calibrator import Calibration, calibrate
from qcore.cli.console import fail, guard, out, print_json, print_table, progress_bar
from qcore.cli.range_method import MethodOption, ParameterOption, read_parameters
from qcore.cli.source import HELP, file_size, read_model
from qcore.dataset import open_dataset
from qcore.ir import Model, Operator, Subgraph
from qcore.quantizer import RECIPES, Recipe, correct_biases, equalize
from qcore.quantizer import quantize as quantize_model
from qcore.quantizer.recipe import resolve
from qcore.quantizer.recipe_file import load_recipe
from qcore.quantizer.weight_methods import WEIGHT_METHODS
from qcore.tflite import save
from tflite_schema import BuiltinOperator, TensorType


class BorderType(str, Enum):
    """Types a graph input or output may be given."""

    float32 = "float32"
    int8 = "int8"
    uint8 = "uint8"
    int16 = "int16"


class BiasType(str, Enum):
    """Types of biases."""

    int32 = "int32"
    int64 = "int64"


RecipeOption = Annotated[
    str, typer.Option("--recipe", "-r", help=f"One of: {', '.join(RECIPES)}; or a .json file with a recipe.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", "-d", help="Representative samples: .npz, .npy or a folder of them.")
]
StatisticsOption = Annotated[
    Path | None, typer.Option("--statistics", "-s", help="Statistics that `qcore calibrate` saved, instead of data.")
]
BorderOption = Annotated[
    BorderType | None,
    typer.Option(help="Type of inputs or outputs; float32, but for tf1_ recipes.", show_default=False),
]
StatsOption = Annotated[
    list[str] | None,
    typer.Option(help="NAME=MEAN,DEVIATION of an input, for tf1_ recipes.", metavar="TEXT", show_default=False),
]
RangesOption = Annotated[
    str | None,
    typer.Option(help="MIN,MAX of whatever has no range, for tf1_ recipes.", metavar="TEXT", show_default=False),
]
BiasOption = Annotated[BiasType | None, typer.Option(help="Type of biases; for int16x8.", show_default=False)]
OpsOption = Annotated[
    list[str] | None, typer.Option(help="An operator to leave in float, by its builtin name.", show_default=False)
]
NodesOption = Annotated[list[str] | None, typer.Option(help="The same, by the name of a result.", show_default=False)]

ChannelsOption = Annotated[
    bool | None,
    typer.Option(
        "--per-channel/--no-per-channel",
        help="Weights with a scale per channel (the default), or one per tensor.",
        show_default=False,
    ),
]
DenseChannelsOption = Annotated[
    bool | None,
    typer.Option(
        "--per-channel-dense/--no-per-channel-dense", help="The same for dense layers alone.", show_default=False
    ),
]
WeightMethodOption = Annotated[
    str | None,
    typer.Option(
        help=f"How large weights may be before they are clipped: {', '.join(WEIGHT_METHODS)}.", show_default="min_max"
    ),
]
WeightBitsOption = Annotated[
    int | None, typer.Option(help="Bits of weights: 8, or 4 where TFLite has kernels for that.", show_default="8")
]
EqualizeOption = Annotated[
    bool, typer.Option("--equalize", help="First scale the channels between layers so that both use their range.")
]
BiasCorrectionOption = Annotated[
    bool, typer.Option("--bias-correction", help="Take out of the biases what rounding weights adds on average.")
]


def command(
    model: Annotated[Path, typer.Argument(help=f"The float model: {HELP}", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .tflite to write.")],
    recipe: RecipeOption = "int8",
    data: DataOption = None,
    statistics: StatisticsOption = None,
    method: MethodOption = "min_max",
    parameter: ParameterOption = None,
    inference_input_type: BorderOption = None,
    inference_output_type: BorderOption = None,
    per_channel: ChannelsOption = None,
    per_channel_dense: DenseChannelsOption = None,
    bias_type: BiasOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to leave an operator in float.")] = False,
    denylisted_ops: OpsOption = None,
    denylisted_nodes: NodesOption = None,
    weight_method: WeightMethodOption = None,
    weight_bits: WeightBitsOption = None,
    input_stats: StatsOption = None,
    default_ranges: RangesOption = None,
    equalization: EqualizeOption = False,
    bias_correction: BiasCorrectionOption = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Quantize a float model."""
    guard(output, force)
    chosen = resolve(
        load_recipe(recipe) if recipe.endswith(".json") else recipe,
        {
            "inference_input_type": inference_input_type.value if inference_input_type else None,
            "inference_output_type": inference_output_type.value if inference_output_type else None,
            "per_channel": per_channel,
            "per_channel_dense": per_channel_dense,
            "bias_type": bias_type.value if bias_type else None,
            "strict": strict or None,
            "denylisted_ops": denylisted_ops,
            "denylisted_nodes": denylisted_nodes,
            "weight_method": weight_method,
            "weight_bits": weight_bits,
            "quantized_input_stats": _stats(input_stats),
            "default_ranges_stats": None
            if default_ranges is None
            else _two_numbers("--default-ranges", default_ranges),
        },
    )
    _require_use(chosen, data or statistics)
    if data is None and (method != "min_max" or parameter or equalization or bias_correction):
        raise fail("--method, --parameter, --equalize and --bias-correction look at samples; they go with --data")
    parameters = read_parameters(method, parameter)
    loaded = read_model(model)
    before = file_size(model, loaded)
    loaded = equalize(loaded) if equalization else loaded
    quantized = quantize_model(loaded, chosen, _ranges(loaded, data, statistics, method, parameters))
    if bias_correction:
        quantized = _corrected(loaded, quantized, data)
    size = save(quantized, output)
    left = _left_in_float(quantized) if chosen.needs_ranges else []
    _print(chosen.name, output, before, size, left, json)


def _require_use(recipe: Recipe, data: Path | None) -> None:
    if data is not None and not recipe.needs_ranges:
        raise fail(f"recipe {recipe.name} changes weights only and needs no data; leave out --data and --statistics")


def _stats(given: list[str] | None) -> dict[str, tuple[float, float]] | None:
    if not given:
        return None
    pairs = [item.rpartition("=") for item in given]
    if not all(name for name, _, _ in pairs):
        raise fail(f"--input-stats is NAME=MEAN,DEVIATION, not {', '.join(given)}")
    return {name: _two_numbers("--input-stats", numbers) for name, _, numbers in pairs}


def _two_numbers(option: str, text: str) -> tuple[float, float]:
    try:
        first, second = (float(number) for number in text.split(","))
    except ValueError:
        raise fail(f"{option}: {text!r} is not two numbers with a comma between them") from None
    return first, second


def _print(recipe: str, output: Path, before: int, size: int, left: list[str], json: bool) -> None:
    if json:
        print_json({"output": str(output), "bytes": size, "float_bytes": before, "float_operators": left})
        return
    rows = [["float", f"{before:,}", ""], [recipe, f"{size:,}", f"{before / size:.2f} x smaller"]]
    print_table(None, ["model", "bytes", ""], rows, "bytes")
    if left:
        out.print(f"operators left in float: {', '.join(left)}")
    out.print(f"written: {output}", markup=False, soft_wrap=True)


def _ranges(
    model: Model, data: Path | None, statistics: Path | None, method: str, parameters: dict[str, Any]
) -> Calibration | None:
    if data is not None and statistics is not None:
        raise fail("give either --data or --statistics, not both")
    if statistics is not None:
        return Calibration.load(statistics)
    if data is None:
        return None
    with progress_bar("calibrating") as progress:
        return calibrate(model, open_dataset(data, model), method=method, progress=progress, **parameters)


def _corrected(model: Model, quantized: Model, data: Path | None) -> Model:
    with progress_bar("correcting biases") as progress:
        return correct_biases(model, quantized, open_dataset(data, model), progress=progress)


def _left_in_float(model: Model) -> list[str]:
    return [op.name for graph, _, op in model.walk() if _is_float(model.subgraphs[graph], op)]


def _is_float(graph: Subgraph, op: Operator) -> bool:
    """Whether an operator computes in float: all its results are float and it is no DEQUANTIZE."""
    if op.code == BuiltinOperator.DEQUANTIZE or not op.outputs:
        return False
    return all(graph.tensors[index].type == TensorType.FLOAT32 for index in op.outputs)
