"""``sealgrid app new | try``: a new app works as written, and a trial prints result, log, files and digest."""

import json
import subprocess
import sys

import pytest

from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.operations.wheel_files import write_wheel


@pytest.fixture
def sealgrid(tmp_path):
    """Run a command in a folder without any network."""
    return lambda *words: run_cli(*words, home=tmp_path / "home", folder=tmp_path)


@pytest.fixture
def app(sealgrid, tmp_path, monkeypatch):
    # Plugins that a developer of apps does not have take seconds to import.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:boa_test -p no:faker")
    ended = sealgrid("app", "new", "word-count")
    assert ended.code == 0, ended.err
    (tmp_path / "letter.txt").write_text("Sealed grid sealed\n")
    return tmp_path / "word-count"


def test_a_new_app_has_its_name_and_runs_as_written(app, sealgrid):
    assert {path.name for path in app.iterdir()} == {"app.toml", "main.py", "README.md", "CHANGELOG.md", "test_app.py"}
    assert 'name = "word-count"' in (app / "app.toml").read_text()
    tried = sealgrid("app", "try", "word-count", "--file", "letter.txt")
    assert tried.code == 0, tried.err
    assert json.loads(tried.out) == {"grid": 1, "sealed": 2}


def test_the_test_of_a_new_app_passes(app):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
    ended = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "3 passed" in ended.stdout


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Word Count", "is not a valid name of an app"),
        ("../away", "is not a valid name of an app"),
        ("word-count", "exists already"),
    ],
)
def test_a_new_app_replaces_nothing_and_has_a_valid_name(app, sealgrid, name, line):
    ended = sealgrid("app", "new", name)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_trial_reports_code_files_and_digest(app, sealgrid):
    tried = sealgrid("app", "try", "word-count", "--file", "letter.txt")
    assert "ended with 0 after" in tried.err
    assert "bytes  result.json" in tried.err
    assert "digest of the result: 0x" in tried.err


def test_a_trial_is_one_document_for_programs(app, sealgrid):
    tried = json.loads(sealgrid("app", "try", "word-count", "--file", "letter.txt", "--json").out)
    assert set(tried) == {"ok", "code", "failure", "digest", "seconds", "files", "log"}
    assert (tried["ok"], tried["code"], set(tried["files"])) == (
        True,
        0,
        {"computed.json", "overview.txt", "result.json"},
    )


def test_a_failed_trial_shows_the_end_of_the_log_and_exits_with_1(app, sealgrid):
    (app / "main.py").write_text("import sys\nfor line in range(30): print('line', line)\nsys.exit(3)")
    tried = sealgrid("app", "try", "word-count", "--file", "letter.txt")
    assert tried.code == 1
    assert "the last 20 of 30 lines" in tried.err
    assert "line 29" in tried.err
    assert "line 9\n" not in tried.err
    assert "the app ended with the exit code 3" in tried.err


def test_the_files_of_a_result_are_written_to_a_new_folder(app, sealgrid, tmp_path):
    assert sealgrid("app", "try", "word-count", "--file", "letter.txt", "--out", "answer").code == 0
    assert json.loads((tmp_path / "answer" / "result.json").read_text()) == {"grid": 1, "sealed": 2}
    taken = sealgrid("app", "try", "word-count", "--file", "letter.txt", "--out", "answer")
    assert "is not an empty folder" in taken.err


def test_a_shipped_app_can_be_tried_by_its_name(app, sealgrid):
    tried = sealgrid("app", "try", "hash-file", "--file", "letter.txt")
    assert json.loads(tried.out)["files"][0]["name"] == "letter.txt"


def test_without_bubblewrap_one_line_says_what_to_install(app, sealgrid, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    tried = sealgrid("app", "try", "word-count")
    assert tried.code == 1
    assert "bubblewrap is not installed" in tried.err.strip().splitlines()[-1]


def test_the_template_is_deterministic(app, sealgrid):
    tested = sealgrid("app", "test", "word-count", "--determinism", "--file", "letter.txt")
    assert tested.code == 0, tested.err
    assert tested.out.startswith("deterministic: 2 runs gave the digest 0x")


def test_a_result_that_differs_is_named_with_its_cause(app, sealgrid):
    source = (app / "main.py").read_text()
    (app / "main.py").write_text(
        source.replace("dict(sorted(words.items()))", "{'year': __import__('time').gmtime()[0]}")
    )
    tested = sealgrid("app", "test", "word-count", "--determinism", "--file", "letter.txt")
    assert tested.code == 1
    assert tested.out.splitlines() == [
        "differs   result.json",
        "differs   overview.txt, which the digest does not cover",
        "because the result depends on the clock",
        "not deterministic: 2 different results",
    ]


def test_the_comparison_is_one_document_for_programs(app, sealgrid):
    words = ("app", "test", "word-count", "--determinism", "--runs", "3", "--file", "letter.txt", "--json")
    tested = json.loads(sealgrid(*words).out)
    assert set(tested) == {"ok", "runs", "differing", "uncovered", "causes"}
    assert (tested["ok"], len(tested["runs"])) == (True, 3)


def test_an_app_that_fails_shows_its_log(app, sealgrid):
    (app / "main.py").write_text("raise SystemExit('no letter')")
    tested = sealgrid("app", "test", "word-count", "--determinism", "--file", "letter.txt")
    assert tested.code == 1
    assert "no letter" in tested.err


def test_an_input_that_cannot_be_bought_is_refused_unless_unchecked(app, sealgrid):
    refused = sealgrid("app", "try", "word-count")
    assert refused.code == 1
    assert "needs at least 1 file" in refused.err
    assert json.loads(sealgrid("app", "try", "word-count", "--unchecked").out) == {}


def test_without_an_option_the_tests_of_the_folder_run(app, sealgrid):
    (app / "test_app.py").write_text("def test_it(): assert True")
    assert sealgrid("app", "test", "word-count").code == 0
    (app / "test_app.py").write_text("def test_it(): assert False")
    assert sealgrid("app", "test", "word-count").code == 1


def test_requirements_are_locked_and_the_app_imports_them(app, sealgrid, tmp_path, monkeypatch):
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path / "index"), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    write_wheel(tmp_path / "index", "greeting", "1.2")
    (app / "requirements.txt").write_text("greeting>=1\n")
    assert sealgrid("app", "lock", "word-count").out == "word-count/requirements.lock pins 1 wheel by hash\n"
    (app / "main.py").write_text("import greeting\nraise SystemExit(greeting.VERSION)")
    assert "1.2" in sealgrid("app", "try", "word-count", "--file", "letter.txt").err
