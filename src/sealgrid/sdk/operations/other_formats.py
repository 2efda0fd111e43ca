"""Recognises files that owners take for an ONNX model, by their first bytes, and says how to get the model."""

import re
import zipfile
from typing import BinaryIO, Final

_START: Final = 512  #: bytes that are enough

_MAGIC: Final = (
    (0, b"version https://git-lfs", "a Git LFS pointer without the model; fetch the model with `git lfs pull`"),
    (0, b"\x1f\x8b", "a gzip file; unpack it with `gunzip`"),
    (0, b"BZh", "a bzip2 file; unpack it with `bunzip2`"),
    (0, b"\xfd7zXZ\x00", "an xz file; unpack it with `unxz`"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it with `unzstd`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
    (257, b"ustar", "a tar archive; unpack it"),
    (
        0,
        b"\x89HDF",
        "an HDF5 file, as Keras saves; export the model to ONNX: model.export('model.onnx', format='onnx')",
    ),
    (0, b"GGUF", "a GGUF file; onnx-runner runs ONNX only"),
    (0, b"\x93NUMPY", "a NumPy array; export the model to ONNX"),
    (4, b"TFL3", "a TensorFlow Lite file; convert it to ONNX: python -m tf2onnx.convert --tflite"),
    (4, b"ORTM", "a file in onnxruntime's own format (.ort); sell the ONNX file that it was made from"),
    (8, b"{", "a safetensors file, weights without a graph; export the model to ONNX: torch.onnx.export"),
)
_PYTORCH: Final = "a PyTorch file; export the model to ONNX: torch.onnx.export(model, (example,), 'model.onnx')"
_KERAS: Final = "a Keras file; export the model to ONNX: model.export('model.onnx', format='onnx')"
_PICKLE: Final = "a Python pickle; export the model to ONNX: skl2onnx.to_onnx, onnxmltools, or torch.onnx.export"
_TORCH_MAGIC: Final = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  #: in the first pickle of an old torch.save
_HTML: Final = re.compile(rb"\s*(?:<!--.*?-->\s*)*+<(!doctype|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def magic_numbers() -> list[tuple[int, str, str]]:
    """Return the offset, the bytes as Latin-1 text, and the sentence of each kind of file, for the pages' script."""
    return [(offset, magic.decode("latin-1"), what) for offset, magic, what in _MAGIC]


def other_format(file: BinaryIO) -> str | None:
    """Return what a file is if it is well known and no ONNX model, with the way to one; else None."""
    file.seek(0)
    start = file.read(_START)
    for offset, magic, what in _MAGIC:
        if start[offset:].startswith(magic):
            return what
    if start.startswith(b"PK\x03\x04"):
        return _archive(file)
    if start[:1] == b"\x80" and start[1:2] <= b"\x05":
        return _PYTORCH if _TORCH_MAGIC in start else _PICKLE
    if _HTML.match(start.removeprefix(b"\xef\xbb\xbf")):
        return "an HTML page, perhaps that of a login; download the file itself"
    return None


def _archive(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        names = []
    if any(name.endswith("data.pkl") for name in names):
        return _PYTORCH
    if "model.weights.h5" in names:
        return _KERAS
    if models := [name for name in names if name.endswith(".onnx")]:
        return f"a zip archive; unpack it and sell {models[0][:80]!r}"
    return "a zip archive; unpack it, or export the model to ONNX (PyTorch and Keras save such archives)"
