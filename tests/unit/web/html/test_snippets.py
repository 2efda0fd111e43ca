"""The examples on an app's page buy a run that its specification allows."""

import ast
import shlex
import subprocess

import pytest

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec, SecretSpec
from sealgrid.localnet.layout import cache_folder
from sealgrid.units import to_address
from sealgrid.web.html.snippets import ExampleRun, example_run, snippets

APP, MODEL = to_address(b"\x11" * 20), to_address(b"\x22" * 20)
SITE = "http://127.0.0.1:8000"
ONNX = InputSpec(model="required", files=FileSpec(media_types=("application/json", "application/x-npy")))
FULL = InputSpec(
    model="required",
    files=FileSpec(min=2, max=2, media_types=("image/jpeg",)),
    arguments=(
        ArgumentSpec(name="--top", type="integer", required=True, minimum=3),
        ArgumentSpec(name="--fast", type="flag"),
        ArgumentSpec(name="CITY", required=True, choices=("São Paulo", "Rome")),
    ),
)


@pytest.mark.parametrize(
    ("spec", "model", "expected"),
    [
        (None, "", ExampleRun(APP, "", ("input.txt",), (), ())),
        (ONNX, MODEL, ExampleRun(APP, MODEL, ("input.json",), (), ())),
        (ONNX, "", ExampleRun(APP, "MODEL", ("input.json",), (), ())),
        (InputSpec(), MODEL, ExampleRun(APP, "", (), (), ())),
        (FULL, MODEL, ExampleRun(APP, MODEL, ("input1.jpg", "input2.jpg"), ("--top", "3", "São Paulo"), ())),
        (
            InputSpec(model="optional", files=FileSpec(min=0), model_or_file=True),
            "",
            ExampleRun(APP, "", ("input.txt",), (), ()),
        ),
        (InputSpec(secrets=(SecretSpec(number=2),)), "", ExampleRun(APP, "", (), (), (2,))),
    ],
)
def test_the_smallest_run_that_an_app_allows_is_the_example(spec, model, expected):
    assert example_run(APP, spec, model) == expected


@pytest.mark.parametrize("spec", [None, ONNX, FULL, InputSpec()])
def test_every_example_is_valid_in_its_language(spec, tmp_path):
    python, shell, javascript, http = snippets(example_run(APP, spec, MODEL), site=SITE)
    ast.parse(python.code)
    for each in (shell, http):
        assert subprocess.run(["bash", "-n", "-c", each.code], capture_output=True, check=False).stderr == b""
    script = tmp_path / "run.mjs"
    script.write_text(javascript.code)
    checked = subprocess.run([cache_folder() / "node", "--check", script], capture_output=True, check=False)
    assert checked.stderr == b""


def test_only_a_site_with_wallets_of_its_own_is_named():
    python, _ = snippets(example_run(APP, ONNX, MODEL))
    assert 'sealgrid.connect("YOUR ACCOUNT")' in python.code
    assert 'sealgrid.connect("requester")' in snippets(example_run(APP, ONNX, MODEL), site=SITE)[0].code


def test_secrets_are_read_from_files_outside_of_python_and_javascript():
    python, shell, javascript, http = snippets(
        example_run(APP, InputSpec(secrets=(SecretSpec(number=1),)), ""), site=SITE
    )
    assert 'secrets={1: "your secret"}' in python.code
    assert "--secret 1=secret1.txt" in shell.code
    assert 'form.append("secret-1", "your secret");' in javascript.code
    assert "-F 'secret-1=<secret1.txt'" in http.code


STUBS = 'sealgrid() { printf "%s\\n" "$@"; }; curl() { printf "%s\\n" "$@" >&2; }; '


@pytest.mark.parametrize("text", ["0x22; id", "@/etc/passwd", "<x", "a;type=b", "$(id)", "it's"])
def test_text_of_others_reaches_the_programs_as_it_is(text):
    _, shell, _, http = snippets(ExampleRun(APP, text, (), (text,), ()), site=SITE)
    ran = subprocess.run(["bash", "-c", STUBS + shell.code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["run", APP, "--model", text, f"--arg={text}", "--out", "result"]
    sent = subprocess.run(["bash", "-c", STUBS + http.code], capture_output=True, text=True, check=True).stderr
    # With -F, curl would read @ or < as the name of a file to send.
    assert f"--form-string\nmodel={text}\n--form-string\nargs={shlex.quote(text)}\n" in sent
    assert "-F" not in sent.splitlines()
