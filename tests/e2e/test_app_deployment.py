"""A developer deploys the app of the how-to, with its own packages, and a requester buys a run of it."""

import json
import os
import re
import shlex
import subprocess
import zipfile
from pathlib import Path
from unittest import mock

import pytest

from tests.e2e.shell import Shell
from tests.unit.sdk.operations.wheel_files import write_wheel

HOW_TO = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "your-own-app.md").read_text()
GREETING = "greeting-1.0-py3-none-any.whl"

pytestmark = pytest.mark.localnet


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", HOW_TO, re.DOTALL)


@pytest.fixture
def developer(localnet, tmp_path) -> Shell:
    (tmp_path / "word_count").mkdir()
    (tmp_path / "word_count" / "app.toml").write_text(blocks("toml")[0])
    (tmp_path / "word_count" / "main.py").write_text(blocks("python")[0])
    (tmp_path / "word_count" / "README.md").write_text("# Count words\n")
    (tmp_path / "letter.txt").write_text("Sealed grid sealed\n")
    return Shell(tmp_path, localnet.layout.root)


def run_line(shell: Shell, line: str, **names: str) -> str:
    """Run one line of a how-to as a reader does; ``names`` replace the words in capitals."""
    words = [names.get(word, word) for word in shlex.split(line)]
    if words[0] == "sealgrid":
        return shell.output(*words[1:])
    return subprocess.run(line, shell=True, cwd=shell.folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
def test_the_how_tos_app_is_written_tried_tested_and_sold_by_its_commands(localnet, tmp_path):
    reader = Shell(tmp_path, localnet.layout.root)
    _, _, trial, _, comparison = [run_line(reader, line) for line in blocks("sh")[0].splitlines()]
    assert json.loads(trial) == {"sealed": 2, "grid": 1}
    assert comparison.startswith("deterministic: 2 runs")
    deploy, *selling = blocks("sh")[1].splitlines()
    app = run_line(reader, deploy).split()[0]
    _, usage, price, unlisted = [run_line(reader, line, APP=app) for line in selling]
    result = tmp_path / "answer" / "result"
    assert json.loads((result / "result.json").read_text()) == {"sealed": 2, "grid": 1}
    assert "1  ended with an answer" in usage
    assert "0.1 RLC (test credits)" in usage
    assert "are for sale at 0.2" in price
    assert unlisted.startswith("cancelled ")


def test_the_how_tos_requirements_are_locked(localnet, tmp_path):
    reader = Shell(tmp_path, localnet.layout.root)
    run_line(reader, "sealgrid app new word_count")
    need, lock = blocks("sh")[2].splitlines()
    run_line(reader, need)
    write_wheel(tmp_path / "index", "numpy", "2.4.6")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index"), "PIP_CONFIG_FILE": "/dev/null"}
    with mock.patch.dict(os.environ, index):
        assert run_line(reader, lock) == "word_count/requirements.lock pins 1 wheel by hash\n"


def test_the_runs_of_an_app_are_counted_by_how_they_ended(developer):
    (developer.folder / "word_count" / "app.toml").write_text(blocks("toml")[0].replace("1.0.0", "1.0.9"))
    fails = 'import os, sys\nif os.environ["IEXEC_INPUT_FILE_NAME_1"] == "bad.txt": sys.exit("bad")\n'
    (developer.folder / "word_count" / "main.py").write_text(fails + blocks("python")[0])
    (developer.folder / "bad.txt").write_text("bad\n")
    app = developer.output("app", "deploy", "word_count", "--price", "1").split()[0]
    developer.output("run", app, "--file", "letter.txt", "--out", "answer")
    assert "bad" in developer.error_line("run", app, "--file", "bad.txt")
    usage = json.loads(developer.output("app", "usage", app, "--json"))
    assert usage["counts"] == {"answered": 1, "app-failed": 1}
    assert (usage["runs"], usage["complete"], usage["revenue"]) == (2, True, 2 * 10**9)
    assert [(buyer["runs"], buyer["revenue"]) for buyer in usage["buyers"]] == [(2, 2 * 10**9)]
    (listed,) = (
        each for each in json.loads(developer.output("app", "list", "--runs", "--json")) if each["address"] == app
    )
    assert (listed["runs"]["answer_rate"], listed["runs"]["record"]["failures"]) == (0.5, 1)
    assert listed["runs"]["record"]["cold"]["median"] > 0


def test_the_how_tos_python_code_does_the_same(developer, monkeypatch, capsys):
    monkeypatch.chdir(developer.folder)
    monkeypatch.setenv("SEALGRID_HOME", str(developer.home))
    exec(blocks("python")[1], {})
    assert capsys.readouterr().out == "{'sealed': 2, 'grid': 1}\n"


def test_an_app_gets_another_price_and_is_unlisted(developer):
    app = developer.folder / "word_count"
    (app / "app.toml").write_text(blocks("toml")[0].replace("1.0.0", "1.0.7"))
    address = developer.output("app", "deploy", "word_count", "--price", "1").split()[0]
    assert "are for sale at 2" in developer.output("app", "price", address, "2")
    assert "2 RLC for each of" in developer.output("app", "show", address)
    assert f"of {address}" in developer.output("app", "unlist", address)
    assert "offer        none" in developer.output("app", "show", address)
    assert "offers no uses of" in developer.error_line("app", "unlist", address)


@pytest.mark.parametrize("environment", ["true", "false"])
def test_an_app_can_bring_packages_that_no_worker_has(developer, environment):
    app = developer.folder / "word_count"
    wheel(app / "wheels")
    settings = f'wheels = ["greeting==1.0"]\nenvironment = {environment}\n'
    (app / "app.toml").write_text(settings + blocks("toml")[0].replace("1.0.0", f"1.0.{len(environment)}"))
    (app / "main.py").write_text(
        "import greeting\n"
        + blocks("python")[0].replace('"result.json").write_text(', '"result.json").write_text(greeting.WORD + ')
    )
    address = developer.output("app", "deploy", "word_count").split()[0]
    developer.output("run", address, "--file", "letter.txt", "--out", "answer")
    assert (developer.folder / "answer" / "result" / "result.json").read_text() == 'hello{"sealed": 2, "grid": 1}'


def test_an_app_with_missing_packages_is_refused_before_it_is_registered(developer):
    app = developer.folder / "word_count"
    (app / "app.toml").write_text('wheels = ["greeting==1.0"]\n' + blocks("toml")[0])
    assert "has no wheel of greeting==1.0; download it" in developer.error_line("app", "deploy", "word_count")
    wheel(app / "wheels")
    (app / "wheels.lock").write_text(json.dumps([lock_entry(sha256="0x" + "11" * 32)]))
    assert f"has no {GREETING} with the digest in wheels.lock" in developer.error_line("app", "deploy", "word_count")


def lock_entry(sha256: str) -> dict[str, str]:
    return {"name": "greeting", "version": "1.0", "filename": GREETING, "sha256": sha256}


def wheel(folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / GREETING, "w") as archive:
        archive.writestr("greeting.py", 'WORD = "hello"\n')
        archive.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
