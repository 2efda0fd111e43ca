"""Describes the outputs of a model for its public signature."""

import re
from collections.abc import Mapping

from .element import dtype_name
from .model import OnnxModel
from .outputs import Output, TensorOutput

_MAPS = re.compile(r"(seq\()?map\((int64|string),tensor\((\w+)\)\)\)?")
_TENSOR = re.compile(r"tensor\((\w+)\)")


def describe_outputs(model: OnnxModel, computed: Mapping[str, Output]) -> list[dict[str, object]]:
    """Return name, dtype and shape of every output that the app writes; classes where an inference gave some."""
    return [
        _described(name, kind, shape, computed.get(name))
        for name, (kind, shape) in model.outputs.items()
        if name not in model.unwritable
    ]


def _described(name: str, kind: str, shape: tuple[int | str | None, ...], output: Output | None) -> dict[str, object]:
    if (maps := _MAPS.fullmatch(kind)) is not None:  # written as classes and a matrix
        classes = list(output.classes) if isinstance(output, TensorOutput) else []
        rows: list[int | None] = [None] if maps[1] else []
        described: dict[str, object] = {
            "name": name,
            "dtype": dtype_name(maps[3]),
            "shape": [*rows, len(classes) or None],
        }
        return described | {"classes": classes} if classes else described
    names = _TENSOR.sub(lambda found: dtype_name(found[1]), kind.replace("seq(", "sequence("))
    stated = None if "(" in names else list(shape) or None
    return {"name": name, "dtype": names, "shape": stated}
