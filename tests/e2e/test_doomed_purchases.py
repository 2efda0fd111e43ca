"""Runs that cannot succeed are refused before a deal, by the command line and the client; the market keeps its orders."""

import io
import json

import pytest
from PIL import Image

import sealgrid
from sealgrid.errors import InputMismatch, OrderRefused
from sealgrid.shipped_apps.csv_statistics.rides import draw_rides
from sealgrid.shipped_apps.plate_reader import cached_files
from tests.e2e.shell import Shell
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]

APP_TOML = """
name = "doomed-greeter"
version = "1.0.0"
entrypoint = ["main.py"]

[inputs.files]
min = 0
max = 2
media_types = ["text/plain"]
max_bytes = 100

[[inputs.arguments]]
name = "CITY"
required = true
choices = ["Oslo", "Rome"]

[[inputs.secrets]]
number = 1
help = "your token"
"""
MAIN = """
import json, os, pathlib, sys
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "result.json").write_text(json.dumps([*sys.argv[1:], os.environ["IEXEC_REQUESTER_SECRET_1"]]))
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
"""
FILES = {
    "input.json": b"[[1, 2, 3]]",
    "short.json": b"[[1, 2]]",
    "named.json": b'{"z": [[1, 2, 3]]}',
    "quotes.json": b"{'x': [1]}",
    "letter.txt": b"dear machine",
    "long.txt": b"x" * 101,
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "token": b"t",
}


@pytest.fixture(scope="module")
def shell(localnet, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("doomed")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "doomed.onnx").write_bytes(passing((1, 3)))
    (folder / "doomed.csv").write_bytes(draw_rides(3))
    (folder / "app").mkdir()
    (folder / "app" / "app.toml").write_text(APP_TOML)
    (folder / "app" / "main.py").write_text(MAIN)
    return Shell(folder, localnet.layout.root)


@pytest.fixture(scope="module")
def goods(shell) -> dict[str, str]:
    """Deploy the apps and publish a model and a table; return the addresses by name."""
    apps = {
        name: shell.output("app", "deploy", source).split()[0]
        for name, source in (
            ("greeter", "./app"),
            ("hash-file", "hash-file"),
            ("onnx-runner", "onnx-runner"),
            ("csv-statistics", "csv-statistics"),
        )
    }
    model = shell.output("model", "publish", "doomed.onnx", "--price", "0", "--unproved").split()[0]
    data = shell.output("data", "publish", "doomed.csv", "--price", "0", "--unproved", "--name", "table").split()[0]
    return apps | {"model": model, "data": data}


DOOMED = [
    (
        ("onnx-runner", "--file", "input.json"),
        "onnx-runner needs a model or data of the format onnx, and none is named",
    ),
    (("csv-statistics",), "csv-statistics needs a model or data of the format csv, and none is named"),
    (("onnx-runner", "--model", "MODEL"), "onnx-runner needs 1 file, and none was given."),
    (
        ("onnx-runner", "--model", "MODEL", "--file", "picture.png"),
        "is a PNG picture, and onnx-runner takes JSON, a NumPy",
    ),
    (
        ("onnx-runner", "--model", "MODEL", "--file", "quotes.json"),
        "cannot be read: it is not valid JSON: Expecting property",
    ),
    (("onnx-runner", "--model", "MODEL", "--file", "input.json", "--arg", "--top 2"), "joins a name and a value"),
    (
        ("onnx-runner", "--model", "MODEL", "--file", "input.json", "--file", "letter.txt"),
        "takes 1 file, and 2 were given.",
    ),
    (
        ("onnx-runner", "--model", "MODEL", "--file", "short.json"),
        "the input 'x' has the shape [1, 2]; the model takes",
    ),
    (("onnx-runner", "--model", "MODEL", "--file", "named.json"), "the model has no input 'z'; it takes 'x'"),
    (("csv-statistics", "--model", "DATA", "--file", "letter.txt"), "csv-statistics takes no files, and 1 was given"),
    (("csv-statistics", "--model", "DATA", "--arg", "x"), "csv-statistics takes no arguments, not 'x'."),
    (("csv-statistics", "--model", "MODEL"), "its owner has not approved this app"),
    (("hash-file",), "hash-file needs a model, data or a file, and none was given."),
    (("GREETER", "--secret", "1=token"), "doomed-greeter needs the argument CITY: Oslo or Rome."),
    (("GREETER", "--arg", "Bonn", "--secret", "1=token"), "takes one of Oslo, Rome as CITY, not 'Bonn'."),
    (("GREETER", "--arg", "Oslo"), "doomed-greeter needs the secret 1 (your token); give it."),
    (("GREETER", "--arg", "Oslo", "--secret", "2=token"), "doomed-greeter reads no secret '2'; leave it out."),
    (
        ("GREETER", "--arg", "Oslo", "--secret", "1=token", "--file", "long.txt"),
        "has 101 bytes, and doomed-greeter takes",
    ),
    (
        ("GREETER", "--arg", "Oslo", "--secret", "1=token", "--model", "MODEL"),
        "its owner has not approved this app",
    ),
]


def balance_of(localnet) -> sealgrid.Balance:
    with sealgrid.connect("requester", network=localnet.layout.network, data=localnet.layout.root) as me:
        return me.account.balance()


@pytest.mark.parametrize(
    ("words", "sentence"), DOOMED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_run_that_cannot_work_is_one_sentence_and_costs_nothing(localnet, shell, goods, words, sentence):
    named = {"MODEL": goods["model"], "DATA": goods["data"], "GREETER": goods["greeter"]}
    before = balance_of(localnet)
    line = shell.error_line("run", *[named.get(word, word) for word in words], "--account", "requester")
    assert sentence in line
    assert line.endswith("No money moved.")
    assert balance_of(localnet) == before


def test_the_client_refuses_the_same_with_a_typed_error(localnet, goods, tmp_path):
    with sealgrid.connect("requester2", network=localnet.layout.network, data=tmp_path) as me:
        before = me.account.balance()
        for options, check in (
            ({"files": [("input.json", b"[1]")]}, "inputs.1"),
            ({"model": goods["model"]}, "inputs.3"),
            ({"model": goods["model"], "files": [("a.png", FILES["picture.png"])]}, "inputs.4"),
            ({"model": goods["model"], "files": [("a.json", b"{")]}, "inputs.5"),
            ({"model": goods["model"], "files": [("a.json", b"[1]")], "args": ["--top"]}, "inputs.6"),
            ({"model": goods["model"], "files": [("a.json", b"[1]")], "secrets": {1: "x"}}, "inputs.7"),
        ):
            with pytest.raises(InputMismatch, match=r"No money moved\.") as refused:
                me.run("onnx-runner", **options)
            assert refused.value.check == check
        with pytest.raises(OrderRefused, match="has not approved this app"):
            me.run("csv-statistics", model=goods["model"])
        assert me.account.balance() == before
        assert not list(tmp_path.glob("jobs/*"))


def test_a_picture_that_the_app_cannot_open_costs_nothing(localnet, shell, tmp_path):
    picture = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(picture, "JPEG")
    (tmp_path / "whole.jpg").write_bytes(picture.getvalue())
    (tmp_path / "cut.jpg").write_bytes(picture.getvalue()[:-900])
    app = shell.output("app", "deploy", "plate-reader", "--account", "stranger").split()[
        0
    ]  # the developer's has a price
    options = ("--app", app, "--price", "0", "--unproved", "--name", "plates of the doomed")
    model = shell.output("model", "publish", str(cached_files.MODEL), *options).split()[0]
    before = balance_of(localnet)
    words = ("run", app, "--model", model, "--account", "requester", "--file")
    line = shell.error_line(*words, str(tmp_path / "cut.jpg"))
    assert "plate-reader cannot read 'cut.jpg': the picture is cut short; send the whole file." in line
    assert line.endswith("No money moved.")
    assert balance_of(localnet) == before
    answer = tmp_path / "answer"
    shell.output(*words, str(tmp_path / "whole.jpg"), "--out", str(answer))
    assert json.loads((answer / "result" / "result.json").read_text())["message"] == "no plate"


def test_what_an_app_takes_is_shown_and_runs(shell, goods, localnet, tmp_path):
    shown = shell.output("app", "show", goods["greeter"])
    assert "takes        0 to 2 files: plain text, at most 100 bytes each" in shown
    assert "takes        argument CITY: one of Oslo or Rome, required" in shown
    schema = json.loads(shell.output("app", "show", goods["greeter"], "--schema"))
    assert schema["properties"]["args"]["properties"]["CITY"]["enum"] == ["Oslo", "Rome"]
    with sealgrid.connect("requester", network=localnet.layout.network, data=tmp_path) as me:
        assert me.apps.inputs(goods["greeter"]).arguments[0].choices == ("Oslo", "Rome")
        run = me.run(goods["greeter"], args=["Rome"], secrets={1: "s"}, files=[("a.txt", b"hello")])
        assert run.result(timeout=120).json() == ["Rome", "s"]
