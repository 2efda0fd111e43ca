"""``sealgrid vault``: a settings file or copy that cannot be used is one line."""

import pytest

from tests.unit.cli.cli_runner import run_cli


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("run", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("run", "broken.toml"), "broken.toml does not describe a vault"),
        (("backup", "/dev/null", "copy.db"), "/dev/null does not describe a vault"),
        (("restore", "nowhere.toml", "copy.db"), "nowhere.toml cannot be read"),
    ],
)
def test_settings_that_describe_no_vault_are_refused(tmp_path, words, line):
    (tmp_path / "broken.toml").write_text("port = 'none'\n")
    ended = run_cli("vault", *words, home=tmp_path / "home", folder=tmp_path)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1
