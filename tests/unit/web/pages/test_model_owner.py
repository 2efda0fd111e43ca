"""Names of uploaded files: the name becomes part of a path on this machine."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.web.pages.model_owner import base_name


@pytest.mark.parametrize("filename", ["model.onnx", "/home/me/model.onnx", "../model.onnx"])
def test_the_last_part_of_a_path_is_the_name(filename):
    assert base_name(filename) == "model.onnx"


@pytest.mark.parametrize("filename", ["..", "/", ".", "a\0b", "x" * 256, "a\\b", "a\nb"])
def test_an_invalid_file_name_is_refused(filename):
    with pytest.raises(InputRefused, match="name"):
        base_name(filename)
