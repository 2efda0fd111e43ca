"""``sealgrid app new | try | test | lock``: write an app and test it in this machine's sandbox, without an account."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import Json
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.errors import InputRefused, SetupMissing

if TYPE_CHECKING:
    from sealgrid.testing.app_trial import AppTrial
    from sealgrid.testing.determinism import DeterminismReport

TEMPLATE = Path(__file__).with_name("app_template")
PLACEHOLDER = "my-app"  #: the name in the template's files
LOG_LINES = 20  #: of a log that are shown

AppFolder = Annotated[
    str, typer.Argument(metavar="DIR|NAME", help="A folder with an app.toml, or the name of a shipped app.")
]
Files = Annotated[list[Path] | None, typer.Option("--file", metavar="FILE", help="An input file; repeatable.")]
Model = Annotated[
    Path | None,
    typer.Option("--model", "--data", "--dataset", metavar="FILE", help="The file of a model or data, not encrypted."),
]
Arguments = Annotated[list[str] | None, typer.Option("--arg", metavar="TEXT", help="An argument; repeatable.")]
Secrets = Annotated[
    list[str] | None, typer.Option("--secret", metavar="NUMBER=FILE", help="A buyer's secret for the app; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``sealgrid app``."""
    app.command("new")(new)
    app.command("try")(try_)
    app.command("test")(run_tests)
    app.command("lock")(lock)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the app and of its new folder.")],
) -> None:
    """Create the folder of a new app: app.toml, main.py, README.md, CHANGELOG.md and a test."""
    import msgspec

    from sealgrid.bundle.manifest import Name

    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError as error:
        raise InputRefused(
            f"{name!r} is not a valid name of an app: use 1 to 64 small letters, digits and . _ -, with a letter or "
            f"digit at both ends."
        ) from error
    folder = Path(name)
    try:
        folder.mkdir()
        for source in sorted(TEMPLATE.iterdir()):
            if source.is_file():
                (folder / source.name).write_text(source.read_text().replace(PLACEHOLDER, name))
    except FileExistsError as error:
        raise InputRefused(f"{name!r} exists already; choose another name.") from error
    except OSError as error:
        raise InputRefused(f"the folder {name!r} cannot be written ({error.strerror}).") from error
    stdout.print(f"{name}/ is a new app that counts words; change compute() in {name}/main.py", markup=False)
    stdout.print(f"next: sealgrid app try {name} --file {name}/README.md", markup=False)


def try_(
    source: AppFolder,
    *,
    file: Files = None,
    model: Model = None,
    arg: Arguments = None,
    secret: Secrets = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="A new folder for the files of the result.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Also run on inputs that the [inputs] of app.toml refuse.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run an app once in the enclave's sandbox on this machine: no network, no account, nothing encrypted.

    Exits with 1 if the app failed.
    """
    from sealgrid.cli.private_input import read_inputs
    from sealgrid.cli.results import check_empty, print_files, write_files
    from sealgrid.sdk.shipped_apps import source_folder
    from sealgrid.testing.app_trial import try_app

    check_empty(out)
    folder = source_folder(source)
    files, secrets = read_inputs(file, secret)
    with stderr.status("running the app in the sandbox …"):
        trial = try_app(
            folder,
            files=files,
            model=model,
            args=arg or (),
            secrets=secrets,
            check=not unchecked,
        )
    if as_json:
        print_result(_document(trial), (), as_json=True)
    else:
        _print_report(trial)
        if not trial.failure and out is None:
            print_files(trial.files)
    if out is not None and not trial.failure:
        try:
            write_files(trial.files, out)
        except OSError as error:
            raise InputRefused(f"{out} cannot be written ({error.strerror}).") from error
        stderr.print(f"the result is in {out}", markup=False)
    if trial.failure:
        raise typer.Exit(1)


def run_tests(
    source: AppFolder,
    *,
    determinism: Annotated[
        bool,
        typer.Option(
            "--determinism", help="Compare the results of runs with different clocks, hash seeds, processors and so on."
        ),
    ] = False,
    runs: Annotated[
        int, typer.Option(min=2, max=20, metavar="NUMBER", help="With --determinism: number of runs to compare.")
    ] = 2,
    file: Files = None,
    model: Model = None,
    arg: Arguments = None,
    secret: Secrets = None,
    as_json: Json = False,
) -> None:
    """Run the tests in an app's folder, or check that equal inputs give equal results. Exits with 1 if not."""
    from sealgrid.cli.private_input import read_inputs
    from sealgrid.sdk.shipped_apps import source_folder
    from sealgrid.testing.determinism import check_determinism

    folder = source_folder(source)
    if not determinism:
        raise typer.Exit(_run_pytest(folder))
    files, secrets = read_inputs(file, secret)
    with stderr.status("running the app in the sandbox …") as status:
        report = check_determinism(
            folder,
            files=files,
            model=model,
            args=arg or (),
            secrets=secrets,
            runs=runs,
            on_run=status.update,
        )
    if as_json:
        print_result(
            {
                "ok": report.ok,
                "runs": [_document(trial) for trial in report.trials],
                "differing": report.differing,
                "uncovered": report.uncovered,
                "causes": report.causes,
            },
            (),
            as_json=True,
        )
    else:
        _print_determinism(report)
    if not report.ok:
        raise typer.Exit(1)


def lock(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with an app.toml and a requirements.txt.")],
    python: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help='Python of the network, such as "3.13"; by default that of this command.'),
    ] = None,
) -> None:
    """Fetch the wheels that an app's requirements.txt needs, and pin them by hash in requirements.lock."""
    from sealgrid.bundle.interpreter import running_python
    from sealgrid.sdk.operations.build import lock_requirements

    with stderr.status("fetching the wheels …"):
        written = lock_requirements(folder, python or running_python())
    count = written.read_text().count("--hash=")
    stdout.print(f"{written} pins {count} wheel{'s' if count != 1 else ''} by hash", markup=False)


def _run_pytest(folder: Path) -> int:
    """Run the tests of a folder; return pytest's exit code."""
    import importlib.util
    import subprocess
    import sys

    if importlib.util.find_spec("pytest") is None:
        raise SetupMissing("pytest is not installed in the Python of sealgrid; install it with: pip install pytest")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603


def _print_determinism(report: "DeterminismReport") -> None:
    for number, trial in enumerate(report.trials, start=1):
        if trial.failure:
            stderr.print(f"run {number}:", style="dim")
            _print_report(trial)
    for name in report.differing:
        stdout.print(f"differs   {name}", markup=False)
    for name in report.uncovered:
        stdout.print(f"differs   {name}, which the digest does not cover", markup=False)
    for cause in report.causes:
        stdout.print(f"because the result depends on {cause}", markup=False)
    if report.ok:
        stdout.print(f"deterministic: {len(report.trials)} runs gave the digest {report.trials[0].digest}")
    elif len(report.trials) > 1:
        stdout.print(f"not deterministic: {len({trial.digest for trial in report.trials})} different results")


def _document(trial: "AppTrial") -> dict[str, object]:
    return {
        "ok": not trial.failure,
        "code": trial.code,
        "failure": trial.failure,
        "digest": trial.digest,
        "seconds": round(trial.seconds, 3),
        "files": {name: len(content) for name, content in sorted(trial.files.items())},
        "log": trial.log,
    }


def _print_report(trial: "AppTrial") -> None:
    lines = trial.log.splitlines()
    if len(lines) > LOG_LINES:
        stderr.print(f"log, the last {LOG_LINES} of {len(lines)} lines:", style="dim")
    for line in lines[-LOG_LINES:]:
        stderr.print(f"  {line}", markup=False)
    if trial.failure:
        stderr.print(f"failed after {trial.seconds:.2f} s: {trial.failure}", style="red", markup=False)
        return
    stderr.print(f"ended with {trial.code} after {trial.seconds:.2f} s")
    for name, content in sorted(trial.files.items()):
        stderr.print(f"  {len(content):>10} bytes  {name}", markup=False)
    stderr.print(f"digest of the result: {trial.digest}")
