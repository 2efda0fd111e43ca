"""A trial runs a folder in the real sandbox: with its wheels, its limits, the rules for output, and no network."""

import json
import zipfile

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.testing import try_app

REPORT = """
import json, os, sys
from pathlib import Path
out, given = Path(os.environ["IEXEC_OUT"]), Path(os.environ["IEXEC_INPUT_FILES_FOLDER"])
names = [os.environ[f"IEXEC_INPUT_FILE_NAME_{n + 1}"] for n in range(int(os.environ["IEXEC_INPUT_FILES_NUMBER"]))]
dataset = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
report = {
    "files": {name: (given / name).read_text() for name in names},
    "model": dataset.read_text() if dataset.is_file() else None,
    "args": sys.argv[1:],
    "secrets": [os.environ.get(name) for name in ("IEXEC_REQUESTER_SECRET_2", "IEXEC_APP_DEVELOPER_SECRET")],
}
(out / "result.json").write_text(json.dumps(report))
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": "/iexec_out/result.json"}))
print("reported")
"""


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()

    def write(source, settings=""):
        (folder / "app.toml").write_text(f'name = "a"\nversion = "1"\nentrypoint = ["main.py"]\n{settings}')
        (folder / "main.py").write_text(source)
        return folder

    return write


def test_an_app_gets_what_a_buyer_gives(app, tmp_path):
    (tmp_path / "letter.txt").write_text("a letter")
    (tmp_path / "model.bin").write_text("a model")
    trial = try_app(
        app(REPORT),
        files=[tmp_path / "letter.txt", ("note.txt", b"a note")],
        model=tmp_path / "model.bin",
        args=["--top", "2"],
        secrets={2: "a token"},
        developer_secret="a key",
    )
    assert json.loads(trial.files["result.json"]) == {
        "files": {"letter.txt": "a letter", "note.txt": "a note"},
        "model": "a model",
        "args": ["--top", "2"],
        "secrets": ["a token", "a key"],
    }
    assert (trial.code, trial.failure, trial.log) == (0, "", "reported\n")


def test_the_digest_is_that_of_the_file_that_determines_the_result(app):
    trial = try_app(app(REPORT))
    assert trial.digest == "0x" + sha256(trial.files["result.json"]).hex()


def test_a_trial_shows_no_secret_and_no_content(app):
    assert "a token" not in repr(try_app(app(REPORT), secrets={2: "a token"}))


def test_an_app_that_fails_is_a_trial_with_its_code_and_log(app):
    trial = try_app(app("import sys\nsys.exit('no letter')"))
    assert (trial.code, trial.digest, trial.files) == (1, None, {})
    assert trial.failure == "the app ended with the exit code 1."
    assert trial.log == "no letter\n"


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ("pass", "the app wrote no computed.json."),
        ("import os\nos.mkfifo('/iexec_out/pipe')", "an output is not a plain file."),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "the app was ended by a signal."),
    ],
)
def test_an_output_that_no_buyer_would_get_is_a_failure(app, source, failure):
    assert try_app(app(source)).failure == failure


def test_the_limits_of_the_app_apply(app):
    trial = try_app(app("b = []\nwhile True: b.append(bytearray(8 << 20))", "[limits]\nmemory = 100000000\n"))
    assert trial.failure
    assert trial.digest is None


def test_there_is_no_network_and_no_file_of_this_machine(app, tmp_path):
    (tmp_path / "private").write_text("private")
    source = f"""
import pathlib, socket
try: socket.create_connection(("192.0.2.1", 80), 2)
except OSError as error: print("network", type(error).__name__)
print("file", pathlib.Path({str(tmp_path / "private")!r}).exists())
"""
    lines = try_app(app(source)).log.splitlines()
    assert lines[0].startswith("network ")
    assert lines[1] == "file False"


@pytest.mark.parametrize("environment", ["true", "false"])
def test_the_apps_wheels_are_there(app, environment):
    folder = app("import greeting\nprint(greeting.WORD)", f'wheels = ["greeting==1.0"]\nenvironment = {environment}\n')
    (folder / "wheels").mkdir()
    with zipfile.ZipFile(folder / "wheels" / "greeting-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("greeting.py", 'WORD = "hello"\n')
        archive.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
    assert try_app(folder).log == "hello\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"files": ["nowhere.txt"]}, "nowhere.txt cannot be read"),
        ({"model": "nowhere.onnx"}, "nowhere.onnx cannot be read"),
        ({"files": [("a", b""), ("A", b"")]}, "(input.4)"),
        ({"secrets": {0: "zero"}}, "(input.5)"),
        ({"args": ["zero\0byte"]}, "(input.6)"),
    ],
)
def test_an_input_that_no_run_can_have_is_refused(app, given, message):
    with pytest.raises(InputRefused) as refused:
        try_app(app(REPORT), **given)
    assert message in str(refused.value)


async def test_a_trial_works_while_an_event_loop_runs(app):
    assert try_app(app(REPORT)).code == 0
