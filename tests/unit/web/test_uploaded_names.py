"""What a browser may call a file that it uploads: the name becomes part of a path of this machine."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.web.pages.model_selling import plain_name


@pytest.mark.parametrize("given", ["model.onnx", "/home/me/model.onnx", "../model.onnx"])
def test_the_last_part_names_the_file(given):
    assert plain_name(given) == "model.onnx"


@pytest.mark.parametrize("given", ["..", "/", ".", "a\0b", "x" * 256, "a\\b", "a\nb"])
def test_what_names_no_file_is_refused(given):
    with pytest.raises(InputRefused, match="name"):
        plain_name(given)
