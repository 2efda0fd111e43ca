"""Machines as people have them: a kernel that refuses the sandbox, proxies, Latin-1, no home, file names in bytes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealgrid.localnet.layout import Layout
from tests.e2e.running_network import SEALGRID, RunningNetwork, start_network
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = pytest.mark.localnet

REFUSED = "bwrap: setting up uid map: Permission denied"
REMEDY = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
PLATE = "宁A12345 🚲"
NOWHERE = "http://127.0.0.1:9"  #: the discard port, where no proxy listens


def sealgrid(*words: object, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [SEALGRID, *(word if isinstance(word, bytes) else str(word) for word in words)],
        capture_output=True,
        check=False,
        env=environment,
        timeout=300,
    )


def path_without_bubblewrap(folder: Path) -> str:
    """Return a PATH with every program of this machine but bubblewrap."""
    folder.mkdir()
    for source in map(Path, reversed(os.environ["PATH"].split(":"))):
        for program in source.iterdir() if os.access(source, os.R_OK | os.X_OK) else ():
            if program.name != "bwrap":
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.mark.long
def test_a_kernel_that_refuses_the_sandbox_is_named_with_the_remedy_by_every_command(tmp_path):
    (tmp_path / "bin").mkdir()
    refusing = tmp_path / "bin" / "bwrap"
    refusing.write_text(f'#!/bin/sh\necho "{REFUSED}" >&2\nexit 1\n')
    refusing.chmod(0o755)
    environment = os.environ | {"PATH": f"{refusing.parent}:{os.environ['PATH']}"}
    data = ("--home", tmp_path / "net")
    for words in (("up", "--port", 0), ("up", "--port", 0, "--detach"), ("demo", "data")):
        ended = sealgrid(*words, *data, environment=environment)
        assert ended.returncode == 1
        last = ended.stderr.decode().splitlines()[-1]
        assert last.startswith("sealgrid: platform did not start: no app can run on this machine")
        assert REFUSED in last
        assert REMEDY in last
        assert b"ready" not in ended.stderr
    for command in ("status", "doctor"):
        ended = sealgrid(command, *data, environment=environment)
        assert ended.returncode == 1
        assert REFUSED in ended.stdout.decode()
        assert REMEDY in ended.stdout.decode()


def test_a_missing_bubblewrap_is_named_with_the_way_to_get_it(tmp_path):
    environment = os.environ | {"PATH": path_without_bubblewrap(tmp_path / "bin")}
    ended = sealgrid("up", "--port", 0, "--home", tmp_path / "net", environment=environment)
    assert ended.returncode == 1
    assert b"bubblewrap is not installed; install it with: sudo apt-get install bubblewrap" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def awkward() -> dict[str, str]:
    """Return an environment with dead proxies, a Latin-1 terminal and no home."""
    proxies = {f"{kind}_proxy": NOWHERE for kind in ("http", "https", "all")}
    without = {name: value for name, value in os.environ.items() if name not in {"HOME", "no_proxy", "NO_PROXY"}}
    upper = {name.upper(): value for name, value in proxies.items()}
    return without | proxies | upper | {"PYTHONIOENCODING": "latin-1"}


@pytest.fixture(scope="module")
def network(tmp_path_factory, awkward) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("network") / "Mes données (été)", environment=awkward)
    yield running
    running.stop()


def test_an_app_with_marks_of_windows_is_deployed_and_its_result_is_shown_on_a_latin_1_terminal(
    network, awkward, tmp_path
):
    toml = '\ufeffname = "plates"\r\nversion = "1.0.0"\r\nentrypoint = ["main.py"]\r\n'
    main = f"""\ufeffimport json, os\r
from pathlib import Path\r
out = Path(os.environ["IEXEC_OUT"])\r
(out / "result.json").write_text(json.dumps("{PLATE}", ensure_ascii=False), encoding="utf-8")\r
(out / "computed.json").write_text(json.dumps({{"deterministic-output-path": str(out / "result.json")}}))\r
"""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.toml").write_bytes(toml.encode())
    (tmp_path / "app" / "main.py").write_bytes(main.encode())
    data = ("--home", network.layout.root)
    deployed = sealgrid("app", "deploy", tmp_path / "app", *data, environment=awkward)
    assert deployed.returncode == 0, deployed.stderr
    ended = sealgrid("run", deployed.stdout.split()[0].decode(), *data, environment=awkward)
    assert ended.returncode == 0, ended.stderr
    assert b"\\u5b81A12345 \\ud83d\\udeb2" in ended.stdout


def test_a_file_name_that_is_not_utf_8_is_named_with_the_way_on(network, awkward, tmp_path):
    model = os.fsencode(tmp_path) + b"/mod\xe8le.onnx"
    Path(os.fsdecode(model)).write_bytes(passing((1, 3)))
    data = ("--home", network.layout.root)
    refused = sealgrid("model", "publish", model, "--price", 1, *data, environment=awkward)
    assert refused.returncode == 1
    assert b"is not UTF-8; give the model another one (--name)" in refused.stderr
    refused = sealgrid("run", "onnx-runner", "--file", model, *data, environment=awkward)
    assert refused.returncode == 1
    assert b"is not UTF-8; rename the file" in refused.stderr
    assert b"No money moved." in refused.stderr


def test_a_folder_of_another_kind_is_one_line(awkward, tmp_path):
    (tmp_path / "file").write_text("")
    for words in (("up", "--port", 0), ("account", "new", "alice", "--password-file", tmp_path / "password")):
        (tmp_path / "password").write_text("correct horse")
        ended = sealgrid(*words, "--home", tmp_path / "file" / "below", environment=awkward)
        assert ended.returncode == 1
        assert b"Traceback" not in ended.stderr
        assert b"unexpected" not in ended.stderr


def test_another_users_network_is_not_stopped_and_is_named(network, awkward, monkeypatch):
    monkeypatch.setattr(os, "kill", _forbid)
    from sealgrid.errors import InputRefused
    from sealgrid.localnet.supervisor import end, running

    with pytest.raises(InputRefused, match="belongs to another user, who can stop it"):
        end(Layout(network.layout.root))
    assert running(Layout(network.layout.root)) is not None


def _forbid(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")
