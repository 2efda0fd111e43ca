"""``sealgrid task log``: the log of a run on standard output or in a new file, with the developer to give it to."""

from types import SimpleNamespace

import pytest

from sealgrid.cli import task as module
from sealgrid.errors import InputRefused

OWNER = "0x" + "0b" * 20


class Me:
    """A client with one run."""

    def __init__(self, log):
        self.apps = self
        self._log = log

    def reopen(self, task):
        async def log():
            return self._log

        return SimpleNamespace(task=task, app="0x" + "0a" * 20, log=log)

    async def show(self, app):
        return SimpleNamespace(owner=OWNER)


@pytest.fixture
def write_log(monkeypatch):
    """A function that runs the command for a log."""
    command = module.log.__wrapped__

    async def written(log, out=None):
        await command(Me(log), "0x11", out=out)

    return written


async def test_the_log_is_printed_as_the_app_wrote_it(write_log, capsys):
    await write_log("one [bold]\ntwo\n")
    assert capsys.readouterr().out == "one [bold]\ntwo\n"


async def test_an_empty_log_is_said_to_be_empty(write_log, capsys):
    await write_log("")
    assert capsys.readouterr().out == "the app logged nothing.\n"


async def test_the_file_has_the_whole_log_and_the_developer_is_named(write_log, capsys, tmp_path):
    await write_log("one\ntwo\n", tmp_path / "app.log")
    assert (tmp_path / "app.log").read_text() == "one\ntwo\n"
    shown = capsys.readouterr()
    assert OWNER in shown.err
    assert "It may contain your data" in shown.err


async def test_a_file_that_exists_is_kept(write_log, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputRefused, match="give a new file with --out"):
        await write_log("one", tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"
