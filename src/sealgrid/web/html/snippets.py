"""Code that buys one run of an app, from its input specification: Python, terminal, JavaScript and HTTP."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.bundle.input_spec import ArgumentSpec, InputSpec
from sealgrid.bundle.media_types import suffixes
from sealgrid.units import Address

_SAMPLES = {"text": "text", "integer": "1", "number": "1.5"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One example."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class ExampleRun:
    """A run that fits an app's specification: what a snippet buys."""

    app: Address
    model: str  #: its address; empty for none
    files: tuple[str, ...]  #: names
    args: tuple[str, ...]
    secrets: tuple[int, ...]  #: numbers


def example_run(app: Address, spec: InputSpec | None, model: str) -> ExampleRun:
    """Return the smallest run that the specification allows, with names and values that a reader replaces."""
    if spec is None:
        return ExampleRun(app, model, ("input.txt",), (), ())
    chosen = model or ("MODEL" if spec.model == "required" else "")
    return ExampleRun(
        app,
        chosen if spec.model != "none" else "",
        _file_names(spec, has_model=bool(chosen)),
        tuple(word for argument in spec.arguments if argument.required for word in _words(argument)),
        tuple(secret.number for secret in spec.secrets if secret.required),
    )


def _file_names(spec: InputSpec, *, has_model: bool) -> tuple[str, ...]:
    if spec.files is None:
        return ()
    count = max(spec.files.min, int(spec.model_or_file and not has_model))
    endings = suffixes(spec.files.media_types[0]) if spec.files.media_types else (".txt",)
    ending = endings[0] if endings else ""
    return tuple(f"input{number if count > 1 else ''}{ending}" for number in range(1, count + 1))


def _words(argument: ArgumentSpec) -> tuple[str, ...]:
    minimum = "" if argument.minimum is None else str(argument.minimum)
    choice = argument.choices[0] if argument.choices else ""
    value = argument.default or choice or minimum or _SAMPLES.get(argument.type, "")
    return (argument.name, value) if argument.is_option else (value,)


def snippets(run: ExampleRun, *, site: str = "") -> list[Snippet]:
    """Return the examples; JavaScript and HTTP only for a ``site`` (its URL) that has wallets of its own."""
    account = "requester" if site else "YOUR ACCOUNT"
    found = [Snippet("Python", _python(run, account)), Snippet("Terminal", _shell(run))]
    if site:
        found += [Snippet("JavaScript", _javascript(run, site)), Snippet("HTTP", _http(run, site))]
    return found


def _python(run: ExampleRun, account: str) -> str:
    lines = [f"        {_text(run.app)},"]
    lines += [f"        model={_text(run.model)},"] if run.model else []
    lines += [f"        files={_list(run.files)},"] if run.files else []
    lines += [f"        args={_list(run.args)},"] if run.args else []
    if run.secrets:
        lines.append("        secrets={" + ", ".join(f'{number}: "your secret"' for number in run.secrets) + "},")
    body = "\n".join(lines)
    return (
        f"import sealgrid\n\nwith sealgrid.connect({_text(account)}) as me:\n"
        f"    run = me.run(\n{body}\n    )\n    print(run.result().json())"
    )


def _shell(run: ExampleRun) -> str:
    words = [f"sealgrid run {run.app}"]
    words += [f"--model {shlex.quote(run.model)}"] if run.model else []
    words += [f"--file {name}" for name in run.files]
    words += [f"--arg={shlex.quote(word)}" for word in run.args]
    words += [f"--secret {number}=secret{number}.txt" for number in run.secrets]
    return " \\\n  ".join([*words, "--out result"])


def _javascript(run: ExampleRun, site: str) -> str:
    fields = [f'form.append("model", {_text(run.model)});'] if run.model else []
    fields += [f'form.append("files", await openAsBlob({_text(name)}), {_text(name)});' for name in run.files]
    fields += [f'form.append("args", {_text(shlex.join(run.args))});'] if run.args else []
    fields += [f'form.append("secret-{number}", "your secret");' for number in run.secrets]
    imports = 'import { openAsBlob } from "node:fs";\n\n' if run.files else ""
    appended = "".join(each + "\n" for each in fields)
    return (
        f"{imports}const site = {_text(site)};\nconst form = new FormData();\n{appended}"
        f"const bought = await fetch(`${{site}}/apps/{run.app}/run`, {{\n"
        '  method: "POST", body: form, headers: { origin: site }, redirect: "manual",\n});\n'
        "if (bought.status !== 303) throw new Error(await bought.text());\n"
        'const task = bought.headers.get("location");\n'
        "const result = await fetch(`${site}${task}/result/result.json`);\n"
        "console.log(await result.text());"
    )


def _http(run: ExampleRun, site: str) -> str:
    # With -F, curl would read a value that begins with @ or < as the name of a file to send.
    fields = [f"--form-string {shlex.quote('model=' + run.model)}"] if run.model else []
    fields += [f"-F files=@{name}" for name in run.files]
    fields += [f"--form-string {shlex.quote('args=' + shlex.join(run.args))}"] if run.args else []
    fields += [f"-F 'secret-{number}=<secret{number}.txt'" for number in run.secrets]
    form = " \\\n  ".join([*(fields or ["-F args="]), f"{site}/apps/{run.app}/run)"])
    return (
        f"task=$(curl --silent --output /dev/null --write-out '%{{redirect_url}}' -H 'Origin: {site}' \\\n  {form}\n"
        'curl --silent --fail "$task/result/result.json"'
    )


def _text(value: str) -> str:
    return json.dumps(value)


def _list(values: Sequence[str]) -> str:
    return json.dumps(list(values))
