"""Folds weights that lie in other files into an ONNX file (onnx.proto, ``TensorProto.external_data``).

PyTorch writes weights beside the model by default: ``model.onnx`` and ``model.onnx.data``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.onnx_structure import mapped
from sealgrid.sdk.operations.protobuf import BYTES, VARINT, fields, text, varint

MAX_BYTES: Final = 2**31 - 1  #: of a protobuf message
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # TensorProto
_EXTERNAL: Final = 1  #: a data location
_KEY, _VALUE = 1, 2  # StringStringEntryProto
_PIECE: Final = 1 << 20
_MAX_DEPTH: Final = 64

#: the fields of a message that contain tensors, and the messages that these are
_CONTAINS: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


@dataclass(frozen=True, slots=True)
class _FileRange:
    """Bytes of a file of weights."""

    path: Path
    offset: int
    length: int

    def __len__(self) -> int:
        return self.length

    def write(self, target: BinaryIO) -> None:
        with self.path.open("rb") as source:
            source.seek(self.offset)
            left = self.length
            while left and (piece := source.read(min(_PIECE, left))):
                target.write(piece)
                left -= len(piece)


_Part = memoryview | bytes | _FileRange


def fold_weights(path: Path, target: Path) -> tuple[str, ...]:
    """Write a model with all its weights inside to ``target``, and return the names of the files they come from.

    Writes nothing and returns no name for a model that has its weights inside already. Raises InputRefused for a file
    of weights that is missing, is outside the model's folder or is too short, and for a model that would be larger than
    protobuf allows.
    """
    with mapped(path) as content:
        weights = _Weights(path)
        try:
            folded = weights.fold(content, "model", 0)
        except ValueError as error:
            raise InputRefused(f"{path.name} is not an ONNX model ({error}); export the model to ONNX.") from error
        if folded is None:
            return ()
        if (size := sum(map(len, folded))) > MAX_BYTES:
            raise InputRefused(
                f"{path.name} has {size:,} bytes with its weights inside, and an ONNX file has at most {MAX_BYTES:,}; "
                f"export it in a smaller type, as float16."
            )
        with target.open("wb") as file:
            for part in folded:
                if isinstance(part, _FileRange):
                    part.write(file)
                else:
                    file.write(part)
    return tuple(sorted(weights.names))


class _Weights:
    """The files of weights beside one model."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self.names = set[str]()

    def fold(self, message: memoryview, kind: str, depth: int) -> list[_Part] | None:
        """Return a message with its weights inside, in parts; None if there are none elsewhere."""
        if depth > _MAX_DEPTH:
            raise ValueError("its graphs are nested too deeply")
        if kind == "tensor":
            return self._tensor(message)
        parts: list[_Part] = []
        changed = False
        for field in fields(message):
            inner = _CONTAINS[kind].get(field.number) if field.kind == BYTES else None
            folded = self.fold(field.content, inner, depth + 1) if inner else None
            if folded is None:
                parts.append(field.encoded)
                continue
            changed = True
            parts += [varint(field.number << 3 | BYTES), varint(sum(map(len, folded))), *folded]
        return parts if changed else None

    def _tensor(self, message: memoryview) -> list[_Part] | None:
        found = list(fields(message))
        if not any((field.number, field.kind, field.value) == (_DATA_LOCATION, VARINT, _EXTERNAL) for field in found):
            return None
        entries = dict(_entry(field.content) for field in found if field.number == _EXTERNAL_DATA)
        data = self._range(entries)
        stay: list[_Part] = [
            field.encoded for field in found if field.number not in (_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION)
        ]
        return [*stay, varint(_RAW_DATA << 3 | BYTES), varint(data.length), data]

    def _range(self, entries: Mapping[str, str]) -> _FileRange:
        location, offset = entries.get("location", ""), int(entries.get("offset", "0"))
        folder = self._model.parent.resolve()
        path = (folder / location).resolve()
        name = self._model.name
        if not location or not path.is_relative_to(folder):
            raise InputRefused(
                f"{name} names {location!r} as the file of its weights, which is outside its folder; put both files "
                f"into one folder."
            )
        if not path.is_file():
            raise InputRefused(
                f"{name} has its weights in the file {location!r}, which is not beside it; put it there, or export the "
                f"model with its weights inside: torch.onnx.export(…, external_data=False)."
            )
        self.names.add(location)
        size = path.stat().st_size
        length = int(entries["length"]) if "length" in entries else size - offset
        if min(offset, length) < 0 or offset + length > size:
            raise InputRefused(f"{location} is shorter than {name} says; export the model again.")
        return _FileRange(path, offset, length)


def _entry(message: memoryview) -> tuple[str, str]:
    parts: dict[int, str] = {field.number: text(field.content) for field in fields(message) if field.kind == BYTES}
    return parts.get(_KEY, ""), parts.get(_VALUE, "")
