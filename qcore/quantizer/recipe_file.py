"""Recipes as JSON: ours, an object with the fields of `Recipe`, and AI Edge Quantizer's, a list of entries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from qcore.errors import QuantizationError
from qcore.quantizer.edge_quantizer import recipe_of
from qcore.quantizer.recipe import Recipe
from qcore.quantizer.rule import Rule

__all__ = ["dump_recipe", "load_recipe"]

_NAMES = {"denylisted_ops", "denylisted_nodes", "operators"}
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "scheme": str,
    "regex": str,
    "weight_method": str,
    "inference_input_type": str,
    "inference_output_type": str,
    "bias_type": str,
    "per_channel": bool,
    "per_channel_dense": bool,
    "strict": bool,
    "rules": list,
    "quantized_input_stats": dict,
    "default_ranges_stats": list,
    **dict.fromkeys(_NAMES, list),
}


def load_recipe(path: str | Path) -> Recipe:
    """The recipe that a JSON file holds; its name is the file's, if it says none.

    QuantizationError: the file cannot be read, is no JSON, or no recipe; the message names the file, and the field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise QuantizationError(f"{path}: cannot be read as JSON: {error}") from None
    try:
        if isinstance(content, list):
            return recipe_of(content, Path(path).stem)
        return _recipe(content, Path(path).stem)
    except QuantizationError as error:
        raise QuantizationError(f"{path}: {error}") from None


def dump_recipe(recipe: Recipe) -> str:
    """The JSON text from which `load_recipe` makes the recipe: the fields that differ from the defaults."""
    return json.dumps(_plain(recipe), indent=2) + "\n"


def _plain(item: Recipe | Rule) -> dict[str, Any]:
    found = {}
    for field in fields(item):
        value = getattr(item, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if value != default:
            found[field.name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(entry) if isinstance(entry, Rule) else entry for entry in value]
    return dict(value) if isinstance(value, Mapping) else value


def _recipe(content: Any, name: str) -> Recipe:
    given = _checked(content, Recipe, "the recipe")
    rules = [Rule(**_checked(rule, Rule, f"rule {i}")) for i, rule in enumerate(given.pop("rules", []))]
    return Recipe(**({"name": name, "rules": rules} | given))


def _checked(content: Any, kind: type[Recipe] | type[Rule], what: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise QuantizationError(f"{what} is a {type(content).__name__}; it must be an object")
    known = [field.name for field in fields(kind)]
    for field, value in content.items():
        if field not in known:
            raise QuantizationError(f"{what} has no {field!r}; it has {', '.join(known)}")
        expected = _TYPES.get(field)
        strings = field not in _NAMES or (isinstance(value, list) and all(isinstance(name, str) for name in value))
        if (expected is not None and not isinstance(value, expected)) or not strings:
            raise QuantizationError(f"{what}: {field} is {value!r}, which is of the wrong type")
    if kind is Rule and "scheme" not in content:
        raise QuantizationError(f"{what} has no scheme")
    return dict(content)
