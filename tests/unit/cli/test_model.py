"""``sealgrid model``: what is refused before a model is published."""

import msgspec
import pytest

from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network


@pytest.mark.parametrize(
    ("file", "more", "line"),
    [
        ("empty.onnx", (), "empty.onnx is empty"),
        ("nowhere.onnx", (), "nowhere.onnx cannot be read"),
        ("broken.csv", (), "broken.csv cannot be sold as a table"),
        ("broken.csv", ("--try", "input.json"), "an input to try is for the models of onnx-runner"),
        ("broken.csv", ("--card", "nowhere.md"), "nowhere.md cannot be read as text"),
        ("empty.onnx", ("--price", "cheap"), "'cheap' is not a valid amount"),
    ],
)
def test_a_file_a_card_or_a_price_that_cannot_be_used_is_one_line(tmp_path, file, more, line):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "network.json").write_bytes(msgspec.json.encode(network(folder="/nowhere")))
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "broken.csv").write_text("a,b\n1\n")
    words = ("model", "publish", file, "--price", "3", *more)
    ended = run_cli(*words, home=tmp_path / "home", folder=tmp_path)
    assert ended.code == 1
    assert line in ended.err
    assert "warning: this network runs on the SIMULATED platform" in ended.err
