"""``sealgrid ados …``: data quality outside the enclave: train, evaluate, split and merge, sign, feed, watch, serve."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from sealgrid.cli import ados_feed, ados_score, ados_serve, ados_watch
from sealgrid.cli.options import PasswordFile
from sealgrid.cli.output import stderr, stdout
from sealgrid.errors import InputRefused, SetupMissing

app = typer.Typer(
    help="Data quality of sensor readings: train models, score readings, sign them, publish their quality on the "
    "chain.",
    no_args_is_help=True,
)
app.add_typer(ados_feed.app, name="feed")
app.command()(ados_score.graph)
app.command()(ados_score.score)
app.add_typer(ados_serve.app, name="serve")
app.command()(ados_watch.watch)

DEFAULT_SEEDS = (11, 23, 37, 53, 71)  #: of scenario.SEEDS, which only the environment of ADOS can import
Seed = Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Equal seeds give equal files.")]
Interval = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="Time between two readings of a sensor; by default the most frequent one in the file.",
    ),
]


@app.command()
def generate(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The CSV file to write.")],
    seed: Seed = 1,
    days: Annotated[
        int, typer.Option(min=1, max=3650, metavar="NUMBER", help="Number of days; 144 readings a day of each station.")
    ] = 56,
    stations: Annotated[int, typer.Option(min=2, max=1000, metavar="NUMBER", help="Number of stations.")] = 20,
    faults: Annotated[bool, typer.Option("--faults", help="Add faults, and write them to a .labels.csv file.")] = False,
) -> None:
    """Write simulated readings of correlated stations: clean ones for training, or later ones with faults to score."""
    try:
        from sealgrid.ados.generate import generate as draw
    except ImportError as error:
        raise SetupMissing("NumPy is not installed; install it with: pip install numpy") from error
    with stderr.status("drawing readings …"):
        generated = draw(seed, days, stations, faults=faults)
    labels = out.with_suffix(".labels.csv")
    try:
        out.write_bytes(generated.readings)
        if faults:
            labels.write_bytes(generated.labels)
    except OSError as error:
        raise InputRefused(f"{out} cannot be written ({error.strerror}).") from error
    stdout.print(f"wrote {out}" + (f" and {labels}" if faults else ""), markup=False)


@app.command()
def train(
    readings: Annotated[Path, typer.Argument(metavar="FILE", help="Clean readings: CSV, SenML or JSON.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder for model.onnx and card.md.")],
    seed: Seed = 1,
    interval: Interval = None,
) -> None:
    """Train a model on clean readings: the first three quarters for the network, the last quarter for thresholds."""
    options = () if interval is None else ("--interval", str(interval))
    _run("train", str(readings), "--out", str(out), "--seed", str(seed), *options)


@app.command()
def evaluate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder for the table and the picture.")],
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, metavar="NUMBER", help="A seed of simulated stations; repeatable. By default five seeds."),
    ] = None,
) -> None:
    """Measure precision, recall, F1 and AUC of the DQF and of other methods, for each class of faults."""
    _run("evaluate", "--out", str(out), "--seeds", *map(str, seed or DEFAULT_SEEDS))


@app.command()
def sign(
    readings: Annotated[Path, typer.Argument(metavar="FILE", help="Readings: CSV, SenML or JSON.")],
    *,
    sensor: Annotated[
        str, typer.Option(metavar="NAME", help="The sensor whose readings are signed; the file gets only these.")
    ],
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="The station's key: a keystore, or a file with a private key.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON file to write.")],
    interval: Interval = None,
    window: Annotated[
        int | None, typer.Option(min=1, metavar="ROWS", help="Length of a signed window; by default an hour.")
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Sign each window of a station's readings with its key. A data feed accepts signed readings only."""
    from sealgrid.ados.signing import SigningTerms, sign_readings
    from sealgrid.cli.private_input import read_password
    from sealgrid.sdk.stores.keystores import open_keystore
    from sealgrid.sdk.stores.plain_keys import plain_key
    from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused

    signer = plain_key(key) or open_keystore(key, read_password(str(key), password_file))
    try:
        _write(out, sign_readings(_read(readings), signer, SigningTerms(sensor, interval, window)))
    except ReadingsRefused as refused:
        raise InputRefused(str(refused)) from refused
    stdout.print(f"wrote {out}, signed by {signer.address}", markup=False)


@app.command()
def join(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files that `sealgrid ados sign` wrote.")],
    roster: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The feed's stations, as `sealgrid ados feed show --roster` writes them."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON file to write.")],
) -> None:
    """Verify the signed files of several stations, and join them into the input file of one run."""
    import json

    from sealgrid.ados.signing import join_files
    from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused

    try:
        stations = json.loads(_read(roster))
        _write(out, join_files([_read(file) for file in files], stations))
    except ReadingsRefused as refused:
        raise InputRefused(str(refused)) from refused
    except ValueError as error:
        raise InputRefused(
            f"{roster} is not valid JSON; write it with: sealgrid ados feed show FEED --roster FILE"
        ) from error
    stdout.print(f"wrote {out}", markup=False)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}).") from error


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise InputRefused(f"{file} cannot be written ({error.strerror}).") from error


def _run(*arguments: str) -> None:
    """Run a command in the environment of ADOS, on one thread, and exit with its code."""
    package = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = (_python(), "-m", "sealgrid.ados", *arguments)
    code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    if code != 0:
        raise typer.Exit(code if code > 0 else 1)


def _python() -> str:
    """Return the Python that has PyTorch: this one, or that of ``make setup-ados``."""
    import importlib.util

    from sealgrid.storage.set_up_cache import set_up_cache

    if importlib.util.find_spec("torch") is not None and importlib.util.find_spec("onnx") is not None:
        return sys.executable
    python = set_up_cache() / "ados" / "bin" / "python"
    if not python.is_file():
        raise SetupMissing(
            "PyTorch is not installed; run `make setup-ados` in a checkout, else "
            "`pip install torch==2.13.0 onnx pyod statsmodels matplotlib`."
        )
    return str(python)
