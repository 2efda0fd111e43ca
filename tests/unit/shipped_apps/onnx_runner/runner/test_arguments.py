"""Arguments of the requester: names of outputs, and a positive count."""

import pytest

from sealgrid.shipped_apps.onnx_runner.runner.arguments import Options, parse
from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused


def test_outputs_are_split_at_commas():
    assert parse(["--outputs", "a,,b", "--top", "3"]) == Options(("a", "b"), 3)
    assert parse([]) == Options((), None)


@pytest.mark.parametrize("arguments", [["--top", "0"], ["--top", "x"], ["--out", "a"], ["a"], ["--help"]])
def test_an_invalid_argument_is_refused_with_the_valid_ones(arguments):
    with pytest.raises(RunRefused, match="this app takes --outputs NAME,NAME and --top N"):
        parse(arguments)
