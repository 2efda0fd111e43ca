"""One clear line per error, a code that is not zero, and no traceback."""

import subprocess
import sys

import pytest
from spoken import spoken

from sealgrid.errors import InputRefused

MODELS = {"publish", "offer", "list", "show", "unlist", "rotate", "grant", "usage"}
NOUNS = {
    "model": MODELS,
    "data": MODELS,
    "app": {"deploy", "offer", "list", "show"},
    "task": {"list", "show", "result"},
    "receipt": {"verify"},
    "worker": {"doctor", "quote", "platform"},
    "vault": {"run", "backup", "restore"},
    "runtime": {"build", "identity"},
    "account": {"balance", "deposit", "withdraw", "fund", "new", "import", "list", "show", "backup", "restore"},
}
VERBS = ("run", "earnings", "doctor", "up", "down", "status", "demo")


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: spoken(*words, home=tmp_path / "home")


def test_the_commands_load_the_chains_library_only_when_they_need_it():
    code = "import sys, sealgrid.cli.main; sys.exit(any(m in sys.modules for m in ('web3', 'eth_account')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_help_names_every_noun_and_every_noun_its_verbs(sealgrid):
    said = sealgrid("--help").out
    assert all(f" {word} " in said for word in (*NOUNS, *VERBS))
    for noun, verbs in NOUNS.items():
        said = sealgrid(noun, "--help").out
        assert all(f" {verb} " in said for verb in verbs)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("model", "list"), "no local network is running; start one with: sealgrid up"),
        (("run", "onnx-runner"), "no local network is running"),
        (("task", "show", "0x" + "11" * 32), "no local network is running"),
        (("vault", "run", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("vault", "backup", "/dev/null", "copy.db"), "/dev/null does not describe a vault"),
        (("receipt", "verify", "nowhere.json"), "nowhere.json cannot be read"),
        (("receipt", "verify", "/dev/null"), "nothing to verify against"),
        (("receipt", "verify", "/dev/null", "--network", "nowhere.json"), "no network file nowhere.json"),
    ],
)
def test_an_error_is_one_line_and_a_code(sealgrid, words, line):
    ended = sealgrid(*words)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert ended.err.startswith("sealgrid: ")


def test_a_folder_that_holds_something_is_refused_before_anything_is_bought(sealgrid, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("mine")
    ended = sealgrid("run", "onnx-runner", "--out", tmp_path / "out")
    assert "no empty folder" in ended.err
    assert "No money moved" in ended.err


def test_without_any_job_the_list_is_empty_and_nobody_is_asked(sealgrid):
    ended = sealgrid("task", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_doctor_tries_the_sandbox_and_says_where_the_keys_lie(sealgrid, tmp_path):
    ended = sealgrid("doctor")
    assert str(tmp_path / "home" / "jobs") in ended.out
    assert str(tmp_path / "home" / "accounts") in ended.out
    assert "Back them up with: sealgrid account backup" in ended.out
    assert "no local network is running" in ended.out
    assert "ok no network" in ended.out
    assert ended.code == 0, ended.out


def test_the_doctor_says_when_others_can_read_the_keys(sealgrid, tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.cli.sandbox_probes.tried", lambda: iter(()))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jobs").mkdir(mode=0o755)
    ended = sealgrid("doctor")
    assert ended.code == 1
    assert "NO result keys" in ended.out


def test_what_nobody_foresaw_is_one_line_and_its_details_stay_in_the_data_folder(sealgrid, tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.sdk.stores.job_store.JobStore.all", lambda self: 1 / 0)
    ended = sealgrid("task", "list")
    log = tmp_path / "home" / "last-error.log"
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"sealgrid: an unforeseen ZeroDivisionError; the details are in {log}.\n"
    assert "ZeroDivisionError" in log.read_text()


def test_a_folder_that_is_no_apps_says_what_is_missing(tmp_path):
    from sealgrid.bundle.build import read_app

    with pytest.raises(InputRefused, match=r"has no app\.toml"):
        read_app(tmp_path)
