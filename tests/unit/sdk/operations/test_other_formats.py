"""Files that owners take for an ONNX model are named for what they are, with the way to a model."""

import gzip
import io
import pickle
import zipfile

import pytest

from sealgrid.sdk.operations.other_formats import other_format
from tests.unit.shipped_apps.onnx_writer import passing

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 16801000\n"


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "what", "way"),
    [
        (LFS, "a Git LFS pointer", "git lfs pull"),
        (gzip.compress(passing(), mtime=0), "a gzip file", "gunzip"),
        (b"BZh91AY", "a bzip2 file", "bunzip2"),
        (b"\xfd7zXZ\x00\x00", "an xz file", "unxz"),
        (b"\x28\xb5\x2f\xfd\x00", "a Zstandard file", "unzstd"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
        (bytes(257) + b"ustar\x0000", "a tar archive", "unpack it"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page", "download the file itself"),
        (b"<!-- a -->\n<!-- b --> <html>", "an HTML page", "download the file itself"),
        (b"\xef\xbb\xbf\n <HTML lang=en>", "an HTML page", "download the file itself"),
        (zipped("archive/data.pkl", "archive/data/0"), "a PyTorch file", "torch.onnx.export"),
        (zipped("config.json", "model.weights.h5"), "a Keras file", "model.export"),
        (zipped("other.txt"), "a zip archive", "export the model to ONNX"),
        (zipped("models/faces.onnx"), "a zip archive", "sell 'models/faces.onnx'"),
        (b"PK\x03\x04 cut short", "a zip archive", "export the model to ONNX"),
        (pickle.dumps({"weights": [1, 2]}), "a Python pickle", "skl2onnx"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2), "a PyTorch file", "torch.onnx.export"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "an HDF5 file, as Keras saves", "model.export"),
        (b"GGUF" + bytes(64), "a GGUF file", "ONNX only"),
        (bytes(4) + b"TFL3" + bytes(64), "a TensorFlow Lite file", "tf2onnx"),
        ((40).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + bytes(40), "a safetensors file", "torch.onnx.export"),
        (b"\x93NUMPY\x01\x00", "a NumPy array", "export the model"),
    ],
)
def test_a_file_of_another_format_is_named_with_the_way_to_onnx(content, what, way):
    found = other_format(io.BytesIO(content))
    assert found is not None
    assert found.startswith(what)
    assert way in found


@pytest.mark.parametrize("content", [passing(), b"\x08\x08", b"plain text", b"", b"<!---->" * 60])
def test_a_model_and_an_unknown_file_are_no_other_format(content):
    assert other_format(io.BytesIO(content)) is None
