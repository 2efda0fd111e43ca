"""Help, exit codes and error lines of every command, and which libraries it imports."""

import errno
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from sealgrid.cli import main as main_module
from sealgrid.errors import InputRefused
from tests.unit.cli.cli_runner import run_cli

MODELS = {"publish", "offer", "list", "show", "unlist", "rotate", "grant", "usage"}
NOUNS = {
    "model": MODELS,
    "data": MODELS,
    "app": {"new", "try", "test", "lock", "deploy", "offer", "list", "show", "price", "unlist", "usage"},
    "task": {"list", "show", "result"},
    "receipt": {"verify"},
    "pool": {"offer"},
    "worker": {"doctor", "run", "quote", "account"},
    "vault": {"init", "run", "backup", "restore"},
    "platform": {"init", "run"},
    "runtime": {"build", "identity"},
    "account": {"balance", "deposit", "withdraw", "fund", "new", "import", "list", "show", "backup", "restore"},
}
VERBS = ("run", "earnings", "doctor", "up", "down", "status", "demo")


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


HEAVY = ("web3", "eth_account", "eth_keyfile", "py_ecc")  #: each takes most of a second to import
SERVICES = ("sqlalchemy", "litestar", "uvicorn", "socketio", "sealgrid.market", "sealgrid.vault", "sealgrid.pool")
FOR_HELP = (*HEAVY, *SERVICES, "cryptography", "coincurve", "aiohttp", "httpx", "eth_abi", "asyncio", "sealgrid.sdk")


def imports_of(words, modules, home):
    """Return those of ``modules`` that a command imports in a process of its own."""
    code = (
        "import sys\n"
        "from sealgrid.cli.main import main\n"
        f"sys.argv = ['sealgrid', *{[str(word) for word in words]!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('imported', *(name for name in {modules!r} if name in sys.modules))"
    )
    environment = {**os.environ, "SEALGRID_HOME": str(home)}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return ended.stdout.splitlines()[-1].split()[1:]


HELPS = [("--help",), *((noun, "--help") for noun in NOUNS), ("run", "--help"), ("up", "--help"), ("demo", "--help")]


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_imports_no_library_of_chain_cryptography_or_network(tmp_path, words):
    assert imports_of(words, FOR_HELP, tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [("task", "list"), ("account", "list"), ("status",), ("down",), ("model", "list"), ("task", "show", "0x00")],
)
def test_a_command_that_only_reads_imports_no_library_of_the_chain_and_no_service(tmp_path, words):
    assert imports_of(words, (*HEAVY, *SERVICES), tmp_path) == []


def test_the_client_imports_no_heavy_library_of_the_chain():
    code = f"import sys, sealgrid.sdk.client; sys.exit(any(name in sys.modules for name in {HEAVY!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_help_names_every_noun_and_every_noun_its_verbs(sealgrid):
    listed = sealgrid("--help").out
    assert all(f" {word} " in listed for word in (*NOUNS, *VERBS))
    for noun, verbs in NOUNS.items():
        listed = sealgrid(noun, "--help").out
        assert all(f" {verb} " in listed for verb in verbs)


def test_the_version_is_that_of_the_package(sealgrid):
    assert sealgrid("--version").out == f"sealgrid {version('sealgrid')}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("model", "list"), " (sealgrid up)."),
        (("run", "onnx-runner"), "no local network is running"),
        (("task", "show", "0x" + "11" * 32), "no local network is running"),
        (("vault", "run", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("vault", "backup", "/dev/null", "copy.db"), "/dev/null does not describe a vault"),
        (("receipt", "verify", "nowhere.json"), "nowhere.json cannot be read"),
        (("receipt", "verify", "/dev/null"), "there are no pins"),
        (
            ("receipt", "verify", "/dev/null", "--network", "nowhere.json"),
            "the network file nowhere.json does not exist",
        ),
    ],
)
def test_an_error_is_one_line_and_a_code(sealgrid, words, line):
    ended = sealgrid(*words)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert ended.err.startswith("sealgrid: ")


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_the_data_folder(sealgrid, tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.sdk.stores.job_store.JobStore.all", lambda self: 1 / 0)
    ended = sealgrid("task", "list")
    log = tmp_path / "home" / "last-error.log"
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"sealgrid: unexpected ZeroDivisionError; the details are in {log}.\n"
    assert "ZeroDivisionError" in log.read_text()


def test_a_folder_that_cannot_be_written_is_one_line_without_a_traceback(sealgrid, monkeypatch):
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/another/user/accounts")

    monkeypatch.setattr("sealgrid.sdk.stores.job_store.JobStore.all", forbid)
    ended = sealgrid("task", "list")
    assert ended.code == 1
    assert ended.err.startswith("sealgrid: /another/user/accounts cannot be used (Permission denied")
    assert ended.err.endswith("choose a folder of yours with --home DIR or SEALGRID_HOME.\n")


@pytest.mark.parametrize(
    "words", [("task", "list"), ("account", "list"), ("status",), ("up",), ("model", "list"), ("down",)]
)
def test_without_a_home_directory_every_command_says_what_to_set(words, monkeypatch):
    def no_home(_name: str) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_data_dir", no_home)
    ended = run_cli(*words, home="")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "this user has no home directory; set HOME" in ended.err


def test_the_details_of_an_error_of_a_user_without_a_home_are_not_a_second_error(monkeypatch):
    monkeypatch.setattr("sealgrid.sdk.stores.home.home", homeless)
    assert main_module._write_details(ZeroDivisionError("inside")) == (
        "its details cannot be written: this user has no home directory; set HOME"
    )


def homeless(*_: object) -> None:
    raise InputRefused("this user has no home directory; set HOME.")
