"""Checkpoints: the variables of a tf.train.Checkpoint, or of a TF1 Saver, put into a Keras model.

A checkpoint of TF2 stores a graph of objects: a variable is found by the names of the attributes that lead to it. The
model may be the checkpoint's root, tf.train.Checkpoint(model), or one attribute of it, tf.train.Checkpoint(net=model,
optimizer=...). A checkpoint of a TF1 Saver stores names: a variable is found by its own.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qcore.errors import ModelError, UnsupportedError
from qcore.frontends.conversion import reason, tensorflow
from qcore.frontends.keras import from_keras
from qcore.ir import Model

__all__ = ["CheckpointWarning", "from_checkpoint"]

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_NAMED = 20


class CheckpointWarning(UserWarning):
    """A checkpoint holds variables that the model does not have, or the model has some that the checkpoint lacks."""


def from_checkpoint(path: str | os.PathLike[str], model: Any, *, allow_missing: bool = False) -> Model:
    """A float model from a Keras model whose variables are first set from a checkpoint.

    path: as tf.train.Checkpoint.save or tf.train.Saver.save returned it, or a folder: the latest checkpoint in it.
    The Keras model given is changed.

    Variables of the model that the checkpoint lacks are an error (ModelError), or with allow_missing a
    CheckpointWarning: they keep the values they have. Variables of the checkpoint that the model does not have (an
    optimizer's, say) are a CheckpointWarning. Both name them. ModelError also where a shape differs or the checkpoint
    cannot be read; UnsupportedError as in `from_keras`.
    """
    tf = tensorflow()
    if not hasattr(model, "weights"):
        raise UnsupportedError(f"{model!r} is no Keras model; build the model the checkpoint was made of and give it")
    place = str(path)
    prefix = _prefix(tf, Path(path))
    reader = _reader(tf, prefix, place)
    stored = {key: list(shape) for key, shape in reader.get_variable_to_shape_map().items()}
    match = _by_object(tf, reader, model) if stored.pop(_GRAPH, None) is not None else _by_name(set(stored), model)
    missing = [name for name, (_, key) in match.found.items() if key is None]
    if missing and (not allow_missing or len(missing) == len(match.found)):
        raise ModelError(
            f"{place}: no value for {len(missing)} of the model's {len(match.found)} variables: {_listed(missing)}; "
            "build the model the checkpoint was made of, or give allow_missing=True to keep the values these have"
        )
    for name, (shape, key) in match.found.items():
        if key is not None and stored[key] != shape:
            raise ModelError(f"{place}: {name} has shape {shape} in the model, {stored[key]} in the checkpoint ({key})")
    _restore(tf, prefix, reader, model, match)
    unused = sorted(stored.keys() - {key for _, key in match.found.values()})
    for names, what in ((missing, "not in the checkpoint, values kept"), (unused, "in the checkpoint but not used")):
        if names:
            warnings.warn(f"{place}: {what}: {_listed(names)}", CheckpointWarning, stacklevel=2)
    return from_keras(model)


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(name.removesuffix(_VALUE) for name in names[:_NAMED]) + rest


def _prefix(tf: Any, path: Path) -> str:
    if not path.is_dir():
        return str(path)
    latest = tf.train.latest_checkpoint(str(path))
    if latest is None:
        raise ModelError(f"{path}: there is no checkpoint in this folder; give the path that saving it returned")
    return str(latest)


def _reader(tf: Any, prefix: str, place: str) -> Any:
    try:
        return tf.train.load_checkpoint(prefix)
    except Exception as error:  # whatever any part of TensorFlow raises
        remedy = "give its path as saving it returned it, without the ending .index or .data-..."
        raise ModelError(f"{place}: this is no checkpoint: {reason(error)}; {remedy}") from error


@dataclass(frozen=True)
class _Match:
    """For each variable of the model its shape and its key in the checkpoint, or None.

    `attribute` is where the model hangs in the checkpoint's graph of objects: "" for the root, None if there are only
    names.
    """

    found: dict[str, tuple[list[int], str | None]]
    attribute: str | None


def _named(model: Any) -> dict[str, Any]:
    """The variables of a model by `dense/kernel`: the path of a Keras 3 variable, the name of a Keras 2 one."""
    variables: dict[str, Any] = {}
    for variable in model.weights:
        name = str(getattr(variable, "path", None) or variable.name).partition(":")[0]
        if name in variables:
            raise ModelError(f"two variables of the model are named {name}; name its layers so that they differ")
        variables[name] = variable
    return variables


# By name (TF1) --------------------------------------------------------------------------------------------------------


def _by_name(stored: set[str], model: Any) -> _Match:
    """Each variable under its own name, or under its name without that of the model."""
    found: dict[str, tuple[list[int], str | None]] = {}
    for name, variable in _named(model).items():
        candidates = (name, name.partition("/")[2])
        key = next((candidate for candidate in candidates if candidate in stored), None)
        found[name] = ([int(n) for n in variable.shape], key)
    return _Match(found, None)


# By object (TF2) ------------------------------------------------------------------------------------------------------


def _by_object(tf: Any, reader: Any, model: Any) -> _Match:
    """Walk the checkpoint's graph of objects beside the model's own, from the root or the attribute that fits best."""
    names = {id(variable): name for name, variable in _named(model).items()}
    shapes = {name: [int(n) for n in variable.shape] for name, variable in _named(model).items()}
    own = tf.train.TrackableView(model)
    lost = sorted(names[key] for key in names.keys() - {id(item) for item in own.descendants()})
    if lost:
        raise ModelError(
            f"TensorFlow does not save these variables of the model: {_listed(lost)}; assign them yourself"
        )
    nodes = _objects(reader)
    best: dict[str, str] = {}
    where = ""
    for attribute, start in [("", 0), *((child.local_name, child.node_id) for child in nodes[0].children)]:
        keys = _walk(own, model, nodes, start, names)
        if len(keys) > len(best):
            best, where = keys, attribute
    return _Match({name: (shape, best.get(name)) for name, shape in shapes.items()}, where)


def _objects(reader: Any) -> Any:
    """The nodes of a checkpoint's graph of objects."""
    graph = importlib.import_module("tensorflow.core.protobuf.trackable_object_graph_pb2").TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(_GRAPH))
    return graph.nodes


def _walk(own: Any, model: Any, nodes: Any, start: int, names: dict[int, str]) -> dict[str, str]:
    """Name -> checkpoint key, for the variables that the same attributes lead to."""
    keys: dict[str, str] = {}
    seen = {id(model)}
    pairs = deque([(model, nodes[start])])
    while pairs:
        item, node = pairs.popleft()
        if id(item) in names and node.attributes:
            keys[names[id(item)]] = node.attributes[0].checkpoint_key
        children = {child.local_name: nodes[child.node_id] for child in node.children}
        for attribute, child in own.children(item).items():
            if attribute in children and id(child) not in seen:
                seen.add(id(child))
                pairs.append((child, children[attribute]))
    return keys


# Setting the values ---------------------------------------------------------------------------------------------------


def _restore(tf: Any, prefix: str, reader: Any, model: Any, match: _Match) -> None:
    """Set every variable that was found, and see that it holds what the checkpoint holds."""
    if match.attribute is not None:
        root = tf.train.Checkpoint(**{match.attribute: model}) if match.attribute else tf.train.Checkpoint(model)
        root.read(prefix).expect_partial()
    for name, variable in _named(model).items():
        key = match.found[name][1]
        if key is None:
            continue
        value = reader.get_tensor(key)
        if match.attribute is None:
            variable.assign(value)
        if not np.array_equal(np.asarray(variable), value, equal_nan=value.dtype.kind == "f"):
            raise ModelError(f"{name}: TensorFlow did not set it from the checkpoint ({key}); assign it yourself")
