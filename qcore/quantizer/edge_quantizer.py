"""Recipes of AI Edge Quantizer: a list of {regex, operation, algorithm_key, op_config}, as far as ours mean the same.

The scheme of each operator is theirs: the last entry that matches and that they support for the operator decides, all
others stay in float. The numbers are the converter's: ranges are not their moving average, dynamic range quantizes
activations asymmetrically, int4 weights are theirs. What has no counterpart is refused by entry and field.
Sources: ai_edge_quantizer/recipe_manager.py, default_policy.py, qtyping.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qcore.errors import QuantizationError
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.rule import Rule

__all__ = ["recipe_of"]

_BOTH = (
    "ADD AVERAGE_POOL_2D BATCH_MATMUL BROADCAST_TO CONCATENATION CONV_2D DEPTHWISE_CONV_2D DIV DYNAMIC_UPDATE_SLICE "
    "EQUAL FULLY_CONNECTED GATHER GATHER_ND GELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MIRROR_PAD MUL NOT_EQUAL PACK PAD "
    "PADV2 REDUCE_MIN RELU RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SLICE SOFTMAX SPLIT "
    "SQRT STABLEHLO_COMPOSITE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV UNPACK"
)
_WEIGHTED = "BATCH_MATMUL CONV_2D TRANSPOSE_CONV DEPTHWISE_CONV_2D EMBEDDING_LOOKUP FULLY_CONNECTED"
_SUPPORTED: Mapping[tuple[str, int], frozenset[str]] = {
    key: frozenset(names.split())
    for key, names in {
        ("int8", 8): _BOTH + " SQUARED_DIFFERENCE HARD_SWISH SPACE_TO_DEPTH",
        ("int16x8", 8): _BOTH,
        ("int8", 4): "FULLY_CONNECTED CONV_2D",
        ("int16x8", 4): "FULLY_CONNECTED CONV_2D",
        ("dynamic_range", 8): _WEIGHTED,
        ("dynamic_range", 4): "FULLY_CONNECTED EMBEDDING_LOOKUP CONV_2D",
        ("weight_only_int8", 8): _WEIGHTED,
        ("weight_only_int8", 4): "BATCH_MATMUL FULLY_CONNECTED EMBEDDING_LOOKUP CONV_2D",
    }.items()
}
"""(scheme, bits of weights) -> the operators they support it for; an entry does not concern others."""
_STATIC = {(8, False): "int8", (16, True): "int16x8"}
_METHODS = {"min_max_uniform_quantize": "min_max", "OCTAV": "octav"}
_TENSOR = {"num_bits": None, "symmetric": True, "granularity": "TENSORWISE", "dtype": "INT", "block_size": 0}
_BORDER = ("INPUT", "OUTPUT")


@dataclass(frozen=True)
class _Entry:
    """What an entry asks for. operation: "*" or one of their names; scheme: ours."""

    number: int
    regex: str
    operation: str
    scheme: str
    weight_bits: int = 8
    per_channel: bool = True
    method: str = "min_max"
    least_elements: int = 0

    def rule(self) -> Rule:
        """The rule that says the same."""
        supported = _SUPPORTED.get((self.scheme, self.weight_bits), frozenset())
        name = {"CONV_2D_TRANSPOSE": "TRANSPOSE_CONV", "CUSTOM_OP": "CUSTOM"}.get(self.operation, self.operation)
        if name != "*" and self.scheme != "float" and name not in supported:
            raise _refusal(self.number, "operation", self.operation, f"AI Edge Quantizer has no {self.scheme} of it")
        operators = supported if name == "*" else frozenset({name})
        if self.scheme not in ("dynamic_range", "weight_only_int8"):
            return Rule(self.scheme, operators, self.regex)
        return Rule(self.scheme, operators, self.regex, None, self.weight_bits, self.per_channel, self.least_elements)


def recipe_of(entries: list[Any], name: str) -> Recipe:
    """The recipe that says the same as AI Edge Quantizer's.

    QuantizationError: names the entry, counted from 0, and the field that has no meaning or no counterpart here.
    """
    read = _in_order([_entry(number, entry) for number, entry in enumerate(entries)])
    if not read:
        raise QuantizationError("the recipe has no entries; there is nothing to quantize")
    static = [entry for entry in read if entry.scheme in _STATIC.values()]
    for entry in static:
        for field in ("scheme", "weight_bits", "per_channel", "method"):
            ours, first = getattr(entry, field), getattr(static[0], field)
            if ours != first:
                raise _refusal(entry.number, "op_config", f"{field} {ours}", f"entry {static[0].number} has {first}")
    rules = [entry.rule() for entry in read if entry.operation not in _BORDER]
    if not static:
        return Recipe(name, "float", rules=rules)
    border = {"int8": "int8", "int16x8": "int16"}[static[0].scheme]
    return Recipe(
        name,
        static[0].scheme,
        rules=[Rule("float"), *rules],
        per_channel=static[0].per_channel,
        weight_method=static[0].method,
        weight_bits=static[0].weight_bits,
        inference_input_type=border if _is_integer(read, "INPUT") else "float32",
        inference_output_type=border if _is_integer(read, "OUTPUT") else "float32",
    )


def _is_integer(entries: list[_Entry], operation: str) -> bool:
    """Whether graph inputs or outputs become integers: the last entry for all names that can decide says so."""
    deciding = [entry for entry in entries if entry.operation in ("*", operation) and entry.regex in (".*", "")]
    schemes = [entry.scheme for entry in deciding if entry.scheme == "float" or entry.scheme in _STATIC.values()]
    return bool(schemes) and schemes[-1] != "float"


def _in_order(entries: list[_Entry]) -> list[_Entry]:
    """As they are kept: by regex, at its first place; "*" replaces all of its regex, an operation its predecessor."""
    kept: dict[str, dict[str, _Entry]] = {}
    for entry in entries:
        if entry.operation == "*":
            kept[entry.regex] = {"*": entry}
        else:
            kept.setdefault(entry.regex, {})[entry.operation] = entry
    return [entry for same in kept.values() for entry in same.values()]


def _entry(number: int, entry: Any) -> _Entry:
    if not isinstance(entry, dict):
        raise QuantizationError(f"entry {number} is {entry!r}; it must be an object")
    for field in ("regex", "operation", "algorithm_key"):
        if not isinstance(entry.get(field), str):
            raise _refusal(number, field, entry.get(field), "it must be a string")
    unknown = sorted(set(entry) - {"regex", "operation", "algorithm_key", "op_config"})
    if unknown:
        raise _refusal(number, unknown[0], entry[unknown[0]], "there is no such field")
    regex, operation, key = entry["regex"], entry["operation"], entry["algorithm_key"]
    if operation in _BORDER and regex not in (".*", ""):
        raise _refusal(number, "regex", regex, f"qcore decides about {operation} for all names together")
    if key == "no_quantize":
        return _Entry(number, regex, operation, "float")
    if key not in _METHODS:
        raise _refusal(number, "algorithm_key", key, f"qcore has no such method; it has {', '.join(_METHODS)}")
    config = entry.get("op_config")
    if not isinstance(config, dict):
        raise _refusal(number, "op_config", config, "it must be an object")
    return _configured(number, regex, operation, _METHODS[key], config)


def _configured(number: int, regex: str, operation: str, method: str, config: dict[str, Any]) -> _Entry:
    given = {
        "activation_tensor_config": None,
        "weight_tensor_config": None,
        "compute_precision": "FLOAT",
        "explicit_dequantize": False,
        "skip_checks": False,
        "min_weight_elements": 0,
    } | config
    if len(given) != 6:
        field = sorted(set(config) - set(list(given)[:6]))[0]
        raise _refusal(number, f"op_config.{field}", config[field], "there is no such field")
    if given["skip_checks"] is not False:
        raise _refusal(number, "op_config.skip_checks", given["skip_checks"], "qcore writes nothing TFLite cannot run")
    bits, symmetric, granularity = _tensor(number, "weight_tensor_config", given["weight_tensor_config"])
    if symmetric is not True or bits not in (4, 8):
        text = f"{bits} bits, symmetric {symmetric}"
        raise _refusal(number, "op_config.weight_tensor_config", text, "weights have 8 or 4 bits and are symmetric")
    if granularity not in ("CHANNELWISE", "TENSORWISE"):
        field = "op_config.weight_tensor_config.granularity"
        raise _refusal(number, field, granularity, "qcore writes CHANNELWISE and TENSORWISE")
    scheme = _scheme(number, given)
    least, is_static = given["min_weight_elements"], scheme in _STATIC.values()
    if type(least) is not int or least < 0 or (is_static and least):
        raise _refusal(number, "op_config.min_weight_elements", least, "a count, and 0 where activations are integers")
    if method != "min_max" and not is_static:
        raise _refusal(number, "algorithm_key", "OCTAV", "qcore clips weights only where activations are integers")
    return _Entry(number, regex, operation, scheme, bits, granularity == "CHANNELWISE", method, least)


def _scheme(number: int, config: dict[str, Any]) -> str:
    precision, explicit = config["compute_precision"], config["explicit_dequantize"]
    activation = config["activation_tensor_config"]
    if activation is not None:
        bits, symmetric, granularity = _tensor(number, "activation_tensor_config", activation)
        if (bits, symmetric) not in _STATIC or granularity != "TENSORWISE":
            text = f"{bits} bits, symmetric {symmetric}, {granularity}"
            why = "activations have 8 bits, not symmetric, or 16, symmetric, and one scale"
            raise _refusal(number, "op_config.activation_tensor_config", text, why)
        if (precision, explicit) == ("INTEGER", False):
            return _STATIC[bits, symmetric]
    elif (precision, explicit) == ("INTEGER", False):
        return "dynamic_range"
    elif (precision, explicit) == ("FLOAT", True):
        return "weight_only_int8"
    why = f"with explicit_dequantize {explicit} that is none of static, dynamic range and weight-only"
    raise _refusal(number, "op_config.compute_precision", precision, why)


def _tensor(number: int, field: str, config: Any) -> tuple[Any, Any, Any]:
    """num_bits, symmetric and granularity."""
    where = f"op_config.{field}"
    if not isinstance(config, dict):
        raise _refusal(number, where, config, "it must be an object")
    unknown = sorted(set(config) - set(_TENSOR))
    if unknown:
        raise _refusal(number, f"{where}.{unknown[0]}", config[unknown[0]], "qcore has nothing like it")
    given = _TENSOR | config
    for name, type_ in (("num_bits", int), ("symmetric", bool), ("granularity", str)):
        if type(given[name]) is not type_:
            raise _refusal(number, f"{where}.{name}", given[name], f"it must be of type {type_.__name__}")
    for name in ("dtype", "block_size"):
        if given[name] != _TENSOR[name]:
            raise _refusal(
                number, f"{where}.{name}", given[name], "qcore writes neither float casts nor blocks from it"
            )
    return given["num_bits"], given["symmetric"], given["granularity"]


def _refusal(number: int, field: str, value: Any, why: str) -> QuantizationError:
    return QuantizationError(f"entry {number}, {field} is {value!r}: {why}")
