"""``sealgrid receipt verify``: the numbered checks of a receipt, offline by default."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import Data, Json
from sealgrid.cli.output import print_result
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.receipts.report import VerificationReport

app = typer.Typer(help="Verify the receipt of a run.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Verify the receipt of a run."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A receipt.json that `sealgrid run --out` wrote.")],
    *,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A joined network, or a network file, with the pins; by default SEALGRID_NETWORK, else the local "
            "network.",
        ),
    ] = None,
    vaults: Annotated[
        str | None,
        typer.Option(metavar="ADDRESSES", help="Pin: the 2t - 1 vaults, separated by commas."),
    ] = None,
    chain: Annotated[int | None, typer.Option(metavar="NUMBER", help="Pin: the chain's id.")] = None,
    hub: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Pin: the address of PoCo's hub.")] = None,
    broker: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Pin: the address of the broker.")] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="PLATFORM=FILE", help="Pin: a platform's root certificate, DER or PEM; repeatable."),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIGEST",
            help="Pin: an accepted runtime identity; repeatable. By default those of the network file; without a file, "
            "those that t vaults accepted.",
        ),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also check the chain and the storage, with the pins of the network file.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Verify a receipt offline against your pins, at the time when its verdicts were issued."""
    from sealgrid.receipts.receipt import MAX_BYTES

    try:
        with file.open("rb") as opened:
            envelope = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}).", money="") from error
    if online:
        if any(each is not None for each in (vaults, chain, hub, broker, root, runtime)):
            raise InputRefused(
                "--online takes every pin from the network file; leave out --vaults, --chain, --hub, --broker, --root "
                "and --runtime, and name the file with --network.",
                money="",
            )
        report = _verify_online(envelope, network, data)
    else:
        from sealgrid.cli.pins import PinOptions, read_pins
        from sealgrid.receipts.verify import verify as verify_receipt

        options = PinOptions(
            vaults=vaults, chain=chain, hub=hub, broker=broker, roots=root or (), runtimes=runtime or ()
        )
        report = verify_receipt(envelope, read_pins(network, data, options))
    print_result({"ok": report.ok, "checks": report.checks}, _lines(report), as_json=as_json)
    report.require()


def _lines(report: "VerificationReport") -> Iterator[str]:
    for check in report.checks:
        outcome = "holds " if check.ok else "FAILED"
        yield f"({check.number:>2}) {outcome}  {check.sentence}  {check.detail}"
    if report.ok:
        yield f"all {len(report.checks)} checks hold"


def _verify_online(envelope: bytes, network: str | None, data: Path | None) -> "VerificationReport":
    import asyncio

    from sealgrid.crypto.signing import SigningKey
    from sealgrid.sdk.connection import connect
    from sealgrid.sdk.operations.fetch_receipt import verify_online
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import choose_network

    async def report() -> "VerificationReport":
        chosen = choose_network(home(data), network)
        async with connect(chosen, SigningKey.generate()) as conn:  # reading needs no particular key
            return await verify_online(conn, envelope)

    return asyncio.run(report())
