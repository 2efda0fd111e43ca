"""``sealgrid worker doctor | quote``: the confidential hardware of this machine, and its quotes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from sealgrid.cli.machine_limits import sandbox_limits
from sealgrid.cli.output import stdout
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.attestation.evidence import TrustRoot, VerifiedClaims
    from sealgrid.platform.collateral import CollateralCache
    from sealgrid.platform.hardware_quotes import RawQuote
    from sealgrid.platform.machine_probe import MachineProbe, ProbeFinding

INTEL = "https://api.trustedservices.intel.com"
AMD = "https://kdsintf.amd.com"

_TITLES = {
    "SGX": "Intel SGX enclaves",
    "TDX": "Intel TDX guests",
    "SNP": "AMD SEV-SNP guests",
    "SIMULATED": "simulated enclaves (no protection from this machine's root), and the sandbox of every app",
}


def register(app: typer.Typer) -> None:
    """Add the commands to ``sealgrid worker``."""
    app.command()(doctor)
    app.command()(quote)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show which platforms this machine supports, and for the others the missing parts and their remedies.

    Exits with 1 if it supports none.
    """
    from sealgrid.platform.machine_probe import MachineProbe

    machine = MachineProbe.this()
    if as_json:
        print(json.dumps(_document(machine), indent=2))
    else:
        _print(machine)
    ready = any(all(each.found for each in needs) for needs in machine.requirements().values())
    raise typer.Exit(0 if ready else 1)


def quote(
    *,
    roots: Annotated[
        list[str],
        typer.Option("--root", metavar="PLATFORM=FILE", help="A platform's root certificate, DER or PEM; repeatable."),
    ],
    traits: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="TRAIT", help="A trait of the machine to accept; repeatable."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with a quote; by default this machine makes one.")
    ] = None,
    intel: Annotated[str, typer.Option(metavar="URL", help="Intel's collateral service, or a PCCS.")] = INTEL,
    amd: Annotated[str, typer.Option(metavar="URL", help="AMD's key service.")] = AMD,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of cached collateral; by default below SEALGRID_HOME."),
    ] = None,
) -> None:
    """Make a quote, fetch its collateral, and verify both as a vault does.

    A refusal names the number of the check. The collateral services receive only the machine's family or chip id.
    """
    import asyncio

    from sealgrid.attestation.evidence import Trait
    from sealgrid.cli.pins import parse_root
    from sealgrid.errors import SetupMissing
    from sealgrid.platform.hardware_quotes import ConfigfsTsm, GramineAttestation, RawQuote

    if file is None:
        source = next((each for each in (ConfigfsTsm(), GramineAttestation()) if each.is_available()), None)
        if source is None:
            raise SetupMissing(
                "this machine has neither configfs-tsm nor Gramine; run the command inside a confidential guest "
                "or enclave."
            )
        raw_quote = source.quote(bytes(64))
    else:
        try:
            raw_quote = RawQuote(file.read_bytes())
        except OSError as error:
            raise InputRefused(f"{file} cannot be read ({error.strerror}).", money="") from error
    if unknown := set(traits or ()) - set(get_args(Trait)):
        raise InputRefused(f"{min(unknown)!r} is not a trait; the traits are: {', '.join(get_args(Trait))}.", money="")
    accepted_roots = tuple(replace(parse_root(each), traits=frozenset(traits or ())) for each in roots)  # type: ignore[arg-type]
    claims = asyncio.run(_verify_quote(raw_quote, accepted_roots, cache, (intel, amd)))
    stdout.print(f"accepted: {claims.platform.name} machine {claims.machine}", markup=False)
    stdout.print(f"  TCB {claims.tcb_status}, collateral {claims.eval_number}", markup=False)
    stdout.print(f"  measurements {' '.join(each.hex() for each in claims.measurements)}", markup=False)
    stdout.print(f"  locks app {claims.locked_app or 'none'}", markup=False)


@asynccontextmanager
async def open_collateral(
    folder: Path | None, roots: "tuple[TrustRoot, ...]", services: tuple[str, str]
) -> "AsyncIterator[CollateralCache]":
    """Yield the cache of a folder, by default in the data folder, and the two services behind it."""
    import time

    import httpx

    from sealgrid.platform.collateral import CollateralCache
    from sealgrid.sdk.stores.home import home
    from sealgrid.wire.collateral import AmdClient, HttpFetch, IntelClient

    async with httpx.AsyncClient(timeout=20) as client:
        intel, amd = (HttpFetch(base, client) for base in services)
        kept = folder or home(None).network.parent / "collateral"
        yield CollateralCache(kept, roots, IntelClient(intel), AmdClient(amd), lambda: int(time.time()))


async def _verify_quote(
    raw_quote: "RawQuote", roots: "tuple[TrustRoot, ...]", cache: Path | None, services: tuple[str, str]
) -> "VerifiedClaims":
    import time

    from sealgrid.attestation.evidence import Quote
    from sealgrid.attestation.verification import verify

    async with open_collateral(cache, roots, services) as source:
        collateral = await source.collateral_for(raw_quote)
    return verify(Quote(raw_quote.raw, collateral), roots, at=int(time.time()), allow_simulated=True)


def _document(machine: "MachineProbe") -> dict[str, Any]:
    def rows(findings: "tuple[ProbeFinding, ...]") -> list[dict[str, Any]]:
        return [{"what": each.name, "there": each.found, "detail": each.detail} for each in findings]

    return {
        "kernel": machine.release,
        "platforms": {
            platform.name.lower(): {"ready": all(each.found for each in needs), "needs": rows(needs)}
            for platform, needs in machine.requirements().items()
        },
        "limits": rows(sandbox_limits()),
        "inside": rows(machine.guest_interfaces()),
    }


def _print(machine: "MachineProbe") -> None:
    for platform, needs in machine.requirements().items():
        status = "ready" if all(each.found for each in needs) else "not ready"
        stdout.print(f"{_TITLES[platform.name]}: {status}", style="bold")
        _print_findings(needs)
    stdout.print("limits of every app, measured", style="bold")
    _print_findings(sandbox_limits())
    stdout.print("inside a confidential machine", style="bold")
    _print_findings(machine.guest_interfaces())


def _print_findings(findings: "tuple[ProbeFinding, ...]") -> None:
    for each in findings:
        stdout.print(f"  {'ok' if each.found else '--'} {each.name:<18} {each.detail}", markup=False)
