"""The versions that a model's file states, and files that state none."""

import pytest

from sealgrid.shipped_apps.onnx_runner.runner.versions import MAX_IR_VERSION, MAX_OPSETS, stated_versions
from tests.unit.shipped_apps.onnx_writer import passing

LONGEST = b"\xff" * 9 + b"\x01"  #: a number of 64 bits


def sentence(folder, content: bytes) -> str:
    (folder / "model").write_bytes(content)
    return stated_versions(folder / "model")


def test_the_versions_of_a_model_are_stated_beside_the_highest_ones(tmp_path):
    assert sentence(tmp_path, passing()) == (
        f"The model has IR version 8 (highest possible: {MAX_IR_VERSION}), "
        f"opset 17 of ai.onnx (highest possible: {MAX_OPSETS['']})."
    )


def test_a_number_has_at_most_ten_bytes(tmp_path):
    assert f"IR version {2**64 - 1} " in sentence(tmp_path, b"\x08" + LONGEST)
    assert sentence(tmp_path, b"\x08\xff" + LONGEST) == ""
    assert sentence(tmp_path, b"\x08" + b"\xff" * (1 << 20) + b"\x01") == ""


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x42\x02\x10\x11", b"\x0b", passing()[2:]])
def test_a_file_without_readable_versions_gets_no_sentence(tmp_path, content):
    assert sentence(tmp_path, content) == ""
