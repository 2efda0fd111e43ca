"""``sealgrid worker …``: what this machine offers to whoever rents it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from sealgrid.cli.account_session import answers
from sealgrid.cli.machine_limits import limits_here

if TYPE_CHECKING:
    from sealgrid.attestation.evidence import TrustRoot, VerifiedClaims
    from sealgrid.platform.hardware_quotes import RawQuote
    from sealgrid.platform.machine_probe import MachineProbe, ProbeFinding

app = typer.Typer(help="What this machine offers as a worker.", no_args_is_help=True)

INTEL = "https://api.trustedservices.intel.com"
AMD = "https://kdsintf.amd.com"

_TITLES = {
    "SGX": "Intel SGX enclaves",
    "TDX": "Intel TDX guests",
    "SNP": "AMD SEV-SNP guests",
    "SIMULATED": "simulated enclaves (protect nothing from this machine's root), and every app's sandbox",
}


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell which platforms this machine has the parts for, what is missing, and how to get it.

    Ends with 1 when it is ready for none.
    """
    from sealgrid.platform.machine_probe import MachineProbe

    machine = MachineProbe.this()
    if as_json:
        print(json.dumps(_document(machine), indent=2))
    else:
        _print(machine)
    ready = any(all(each.found for each in needs) for needs in machine.requirements().values())
    raise typer.Exit(0 if ready else 1)


@app.command()
def quote(
    *,
    roots: Annotated[list[str], typer.Option("--root", help="PLATFORM=FILE, a root's certificate; may be repeated.")],
    traits: Annotated[list[str] | None, typer.Option("--accept", help="A trait that the roots accept.")] = None,
    file: Annotated[Path | None, typer.Option(help="A quote in a file; this machine makes one by default.")] = None,
    intel: Annotated[str, typer.Option(help="Intel's collateral service, or a PCCS.")] = INTEL,
    amd: Annotated[str, typer.Option(help="AMD's key service.")] = AMD,
    cache: Annotated[Path | None, typer.Option(help="Where collateral is kept.")] = None,
) -> None:
    """Make a quote, fetch its collateral, and judge both as a vault would.

    Ends with the number of the check that refused. Nothing is sent but the machine's family or chip id.
    """
    import asyncio

    from sealgrid.attestation.evidence import Trait
    from sealgrid.cli.pins import root_from
    from sealgrid.errors import InputRefused
    from sealgrid.platform.hardware_quotes import RawQuote

    made = _made() if file is None else RawQuote(_read(file))
    if unknown := set(traits or ()) - set(get_args(Trait)):
        raise InputRefused(f"{min(unknown)!r} is no trait; known are: {', '.join(get_args(Trait))}.", money="")
    believed = tuple(replace(root_from(each), traits=frozenset(traits or ())) for each in roots)  # type: ignore[arg-type]
    claims = asyncio.run(_judged(made, believed, _kept(cache), (intel, amd)))
    answers.print(f"accepted: {claims.platform.name} machine {claims.machine}", markup=False)
    answers.print(f"  TCB {claims.tcb_status}, collateral {claims.eval_number}", markup=False)
    answers.print(f"  measurements {' '.join(each.hex() for each in claims.measurements)}", markup=False)
    answers.print(f"  locks app {claims.locked_app or 'none'}", markup=False)


@app.command()
def platform(
    launch: Annotated[Path, typer.Argument(help="launch.sh of `sealgrid runtime build`.")],
    *,
    runtime: Annotated[str, typer.Option(help="The runtime's identity, as `sealgrid runtime identity` tells it.")],
    root: Annotated[str, typer.Option(help="PLATFORM=FILE, the certificate of this machine's maker.")],
    port: Annotated[int, typer.Option(help="On loopback, for this machine's workers.")] = 0,
    intel: Annotated[str, typer.Option(help="Intel's collateral service, or a PCCS.")] = INTEL,
    amd: Annotated[str, typer.Option(help="AMD's key service.")] = AMD,
    cache: Annotated[Path | None, typer.Option(help="Where collateral is kept.")] = None,
) -> None:
    """Serve this machine's confidential hardware to its workers, one guest per launch. Not run on hardware here."""
    import asyncio
    import time

    import httpx

    from sealgrid.cli.pins import root_from
    from sealgrid.errors import InputRefused
    from sealgrid.platform.collateral import CollateralCache
    from sealgrid.platform.hardware import HardwareConfig
    from sealgrid.platform.image import measure
    from sealgrid.platform.image_contents import interpreter_version
    from sealgrid.platform.runner import run_hardware
    from sealgrid.units import to_digest
    from sealgrid.wire.collateral import AmdClient, HttpFetch, IntelClient
    from sealgrid.wire.server import listen

    believed = root_from(root)
    try:
        identity = to_digest(runtime)
    except ValueError as error:
        raise InputRefused(f"{runtime!r} is no runtime identity.", money="") from error
    files = measure(launch.parent / "runtime")
    config = HardwareConfig(
        believed.platform, launch.absolute(), identity, believed.root_ca_der, len(files), interpreter_version(files)
    )

    async def served() -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            clients = IntelClient(HttpFetch(intel, client)), AmdClient(HttpFetch(amd, client))
            collateral = CollateralCache(_kept(cache), (believed,), *clients, lambda: int(time.time()))
            sock = listen(port)
            address = f"http://127.0.0.1:{sock.getsockname()[1]}"
            await run_hardware(config, collateral, sock, lambda: print(f"ready at {address}", flush=True))

    asyncio.run(served())


def _kept(cache: Path | None) -> Path:
    from sealgrid.sdk.stores.home import home

    return cache or home(None).network.parent / "collateral"


def _made() -> "RawQuote":
    from sealgrid.errors import SetupMissing
    from sealgrid.platform.hardware_quotes import ConfigfsTsm, GramineAttestation

    for source in (ConfigfsTsm(), GramineAttestation()):
        if source.is_available():
            return source.quote(bytes(64))
    raise SetupMissing("neither configfs-tsm nor Gramine is here; run this inside a confidential guest or enclave.")


async def _judged(
    made: "RawQuote", roots: "tuple[TrustRoot, ...]", kept: Path, services: tuple[str, str]
) -> "VerifiedClaims":
    import time

    import httpx

    from sealgrid.attestation.evidence import Quote
    from sealgrid.attestation.verification import verify
    from sealgrid.platform.collateral import CollateralCache
    from sealgrid.wire.collateral import AmdClient, HttpFetch, IntelClient

    async with httpx.AsyncClient(timeout=20) as client:
        intel, amd = (HttpFetch(base, client) for base in services)
        cache = CollateralCache(kept, roots, IntelClient(intel), AmdClient(amd), lambda: int(time.time()))
        collateral = await cache.collateral_for(made)
    return verify(Quote(made.raw, collateral), roots, at=int(time.time()), allow_simulated=True)


def _document(machine: "MachineProbe") -> dict[str, Any]:
    def listed(found: "tuple[ProbeFinding, ...]") -> list[dict[str, Any]]:
        return [{"what": each.name, "there": each.found, "detail": each.detail} for each in found]

    return {
        "kernel": machine.release,
        "platforms": {
            platform.name.lower(): {"ready": all(each.found for each in needs), "needs": listed(needs)}
            for platform, needs in machine.requirements().items()
        },
        "limits": listed(limits_here()),
        "inside": listed(machine.guest_interfaces()),
    }


def _print(machine: "MachineProbe") -> None:
    for platform, needs in machine.requirements().items():
        word = "ready" if all(each.found for each in needs) else "not ready"
        answers.print(f"{_TITLES[platform.name]}: {word}", style="bold")
        _print_found(needs)
    answers.print("limits around every app, tried", style="bold")
    _print_found(limits_here())
    answers.print("inside a confidential machine", style="bold")
    _print_found(machine.guest_interfaces())


def _print_found(found: "tuple[ProbeFinding, ...]") -> None:
    for each in found:
        answers.print(f"  {'ok' if each.found else '--'} {each.name:<18} {each.detail}", markup=False)


def _read(file: Path) -> bytes:
    from sealgrid.errors import InputRefused

    try:
        return file.read_bytes()
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}).", money="") from error
