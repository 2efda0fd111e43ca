"""A developer deploys the app of the how-to, with its own packages, and a requester buys a run of it."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.e2e.shell import Shell

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


def test_the_how_tos_app_is_tried_without_a_network(developer):
    (trial,) = (command.split()[1:] for command in blocks("sh")[0].splitlines())
    assert json.loads(developer.output(*trial)) == {"sealed": 2, "grid": 1}


def test_the_how_tos_app_is_deployed_and_run_by_its_commands(developer):
    deploy, run = (command.split()[1:] for command in blocks("sh")[1].splitlines())
    app = developer.output(*deploy).split()[0]
    developer.output(*(app if word == "APP" else word for word in run))
    result = developer.folder / "answer" / "result"
    assert json.loads((result / "result.json").read_text()) == {"sealed": 2, "grid": 1}
    assert (result / "overview.txt").read_text() == "    2 sealed\n    1 grid\n"


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
    assert "there is no wheel of greeting==1.0" in developer.error_line("app", "deploy", "word_count")
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
