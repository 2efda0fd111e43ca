"""``sealgrid app``: a folder without an app and a secret that cannot be read are refused."""

import msgspec
import pytest

from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("deploy", "nothing"), "'nothing' is neither a folder with an app.toml nor a shipped app"),
        (("deploy", "folder"), "has no app.toml"),
        (("deploy", "onnx-runner", "--price", "cheap"), "'cheap' is not a valid amount"),
        (("deploy", "onnx-runner", "--file", "input"), "--file is an input for the check of --no-tee; add --no-tee"),
        (("secret", "onnx-runner", "nowhere"), "the secret nowhere cannot be read"),
        (("list",), "the market at http://127.0.0.1:9 does not answer"),
    ],
)
def test_what_cannot_be_deployed_is_one_line(tmp_path, words, line):
    (tmp_path / "home").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "home" / "network.json").write_bytes(msgspec.json.encode(network(folder="/nowhere")))
    ended = run_cli("app", *words, home=tmp_path / "home", folder=tmp_path)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1
