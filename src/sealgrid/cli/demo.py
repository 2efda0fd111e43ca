"""``sealgrid demo plates | data | ados``: whole jobs on a local network, from selling to verifying."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sealgrid.cli.network import layout_of
from sealgrid.cli.options import Data
from sealgrid.errors import InputRefused

app = typer.Typer(help="Run a whole job on a local network.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document as the last line.")]
Seed = Annotated[int | None, typer.Option(metavar="NUMBER", help="Seed of the drawn input; by default random.")]


@app.command()
def plates(
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read this picture instead of a drawn one.")
    ] = None,
    country: Annotated[str, typer.Option(metavar="CN|ES|FR|DE|IT|PT|GB|NL", help="Country of the drawn plate.")] = "CN",
    seed: Seed = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Sell a licence-plate model, run it in an enclave, verify the receipt, and attempt four thefts."""
    from sealgrid.demos.runner import run_plates_demo
    from sealgrid.shipped_apps.plate_reader.latin_scenes import ALL_COUNTRIES

    if country not in ALL_COUNTRIES:
        raise InputRefused(
            f"{country!r} is not a country whose plates can be drawn; name one of: {', '.join(ALL_COUNTRIES)}."
        )
    report = run_plates_demo(_console(as_json), layout_of(data), picture, seed, country)
    _end(report.as_line(), ok=report.ok, as_json=as_json)


@app.command("data")
def table(
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sell this CSV table instead of a drawn one.")
    ] = None,
    seed: Seed = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Sell the use of a table, run another developer's app on it, and list every use from the vaults' logs."""
    from sealgrid.demos.runner import run_table_demo

    report = run_table_demo(_console(as_json), layout_of(data), file, seed)
    _end(report.as_line(), ok=report.ok, as_json=as_json)


@app.command()
def ados(*, as_json: AsJson = False, data: Data = None) -> None:
    """Score a day of 20 sensor stations in shards on three workers, and publish its quality on the chain."""
    from sealgrid.demos.runner import run_ados_demo

    report = run_ados_demo(_console(as_json), layout_of(data))
    _end(report.as_line(), ok=report.ok, as_json=as_json)


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json, highlight=False, soft_wrap=True)


def _end(line: str, *, ok: bool, as_json: bool) -> None:
    if as_json:
        print(line)
    raise typer.Exit(0 if ok else 1)
