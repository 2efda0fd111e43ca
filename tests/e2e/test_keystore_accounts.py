"""A keystore account buys a run; after its folder is deleted, the backup restores account and result."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sealgrid
from sealgrid.errors import InputRefused
from tests.e2e.error_table import TABLE
from tests.unit.cli.cli_runner import run_cli

HOW_TO = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "accounts-of-your-own.md").read_text()

pytestmark = pytest.mark.localnet


@pytest.fixture
def alice(localnet, tmp_path):
    """Run commands as alice on another machine: her folder has only the public network file."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(localnet.layout.network, home / "network.json")
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "wrong").write_text("correct house\n")

    def run(*words: object, password: str = "password"):
        return run_cli(*words, "--password-file", tmp_path / password, home=home, folder=tmp_path)

    assert run("account", "new", "alice").code == 0
    assert run("account", "fund", "--as", "alice").code == 0
    assert run("account", "deposit", "50", "--as", "alice").code == 0
    return run


def test_a_wrong_password_gives_one_line_and_changes_nothing(alice):
    before = alice("account", "balance", "--as", "alice").out
    for words in (("account", "withdraw"), ("run", "onnx-runner"), ("model", "list")):
        ended = alice(*words, "--as", "alice", password="wrong")
        row = "wrong password for a purchase" if words[0] == "run" else "wrong password"
        TABLE[row].expect(ended.code, ended.err)
    assert alice("account", "balance", "--as", "alice").out == before


def test_a_wrong_password_is_refused_in_python_too(alice, localnet, tmp_path):
    for password in ("correct house", None):
        with pytest.raises(InputRefused, match="password"):
            sealgrid.connect("alice", network=localnet.layout.network, data=tmp_path / "home", password=password)


def test_the_backup_restores_a_deleted_account_and_its_results(alice, localnet, tmp_path):
    alice_is = {"account": "alice", "data": tmp_path / "home", "password": "correct horse"}
    with sealgrid.connect(**alice_is) as me:
        address = me.account.address
        app = me.apps.deploy("hash-file")
        run = me.run(app, files=[("secret.txt", b"a private text of alice")])
        first = run.result()
    run_cli("account", "backup", tmp_path / "backup.zip", home=tmp_path / "home")
    shutil.rmtree(tmp_path / "home")
    assert run_cli("account", "restore", tmp_path / "backup.zip", home=tmp_path / "home").code == 0
    shutil.copy(localnet.layout.network, tmp_path / "home" / "network.json")
    with sealgrid.connect(**alice_is) as again:
        assert again.account.address == address
        assert again.reopen(run.task).result().files == first.files
        assert again.run(app, files=[("again.txt", b"more")]).result().files


def test_the_commands_and_the_code_of_the_how_to_work(localnet, tmp_path):
    (tmp_path / "password.txt").write_text("correct horse\n")
    (tmp_path / "home").mkdir()
    shutil.copy(localnet.layout.network, tmp_path / "home" / "network.json")
    (commands,) = re.findall(r"```sh\n(.*?)```", HOW_TO, re.DOTALL)
    for line in commands.strip().splitlines():
        ended = run_cli(*shlex.split(line)[1:], home=tmp_path / "home", folder=tmp_path)
        assert ended.code == 0, ended.err
    (lines,) = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=tmp_path,
        env=os.environ | {"SEALGRID_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith(" 50 RLC\n"), done.stderr
