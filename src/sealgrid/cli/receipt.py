"""``sealgrid receipt verify``: every check of a receipt by number, without any connection unless asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer
from sealgrid.cli.options import Data, Json
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.receipts.report import VerificationReport

app = typer.Typer(help="Verify what a run's receipt proves.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Verify what a run's receipt proves."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt, as `run --out` wrote it.")],
    *,
    network: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pins: a network file. The local network's by default.")
    ] = None,
    vaults: Annotated[
        str | None, typer.Option(metavar="ADDRESSES", help="Pin: the vaults' addresses, with commas; 2t - 1 of them.")
    ] = None,
    chain: Annotated[int | None, typer.Option(metavar="NUMBER", help="Pin: the chain's id.")] = None,
    hub: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Pin: the address of PoCo's hub.")] = None,
    broker: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Pin: the address of the broker.")] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="PLATFORM=FILE", help="Pin: PLATFORM=FILE, a root certificate, DER or PEM."),
    ] = None,
    runtime: Annotated[
        list[str] | None, typer.Option(metavar="DIGEST", help="Pin: a runtime's digest; any that t vaults took.")
    ] = None,
    online: Annotated[bool, typer.Option("--online", help="Also ask the chain and the storage.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Verify a receipt, off line, at the time when its verdicts were issued, against what you pin."""
    envelope = _read(file)
    if online:
        report = _online(envelope, network, data)
    else:
        from sealgrid.cli.pins import PinOptions, pins_from
        from sealgrid.receipts.verify import verify as verify_receipt

        given = PinOptions(vaults=vaults, chain=chain, hub=hub, broker=broker, roots=root or (), runtimes=runtime or ())
        report = verify_receipt(envelope, pins_from(network, data, given))
    answer({"ok": report.ok, "checks": report.checks}, _lines(report), as_json=as_json)
    report.require()


def _lines(report: "VerificationReport") -> Iterator[str]:
    for check in report.checks:
        word = "holds " if check.ok else "FAILED"
        yield f"({check.number:>2}) {word}  {check.sentence}  {check.detail}"
    if report.ok:
        yield f"all {len(report.checks)} checks hold"


def _read(file: Path) -> bytes:
    from sealgrid.receipts.receipt import MAX_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}).", money="") from error


def _online(envelope: bytes, network: Path | None, data: Path | None) -> "VerificationReport":
    import asyncio

    from sealgrid.crypto.signing import SigningKey
    from sealgrid.sdk.connection import connect
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.operations.fetch_receipt import verify_online
    from sealgrid.sdk.stores.home import home

    async def ask() -> "VerificationReport":
        chosen = load_network(network or home(data).network)
        async with connect(chosen, SigningKey.generate()) as conn:  # only reads; any key will do
            return await verify_online(conn, envelope)

    return asyncio.run(ask())
