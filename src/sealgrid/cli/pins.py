"""What a verifier pins, from a network file and from options; an option replaces the file's word."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused, NetworkNotRunning
from sealgrid.receipts.report import TrustPins
from sealgrid.sdk.network import load_network, pins_of
from sealgrid.sdk.stores.home import home
from sealgrid.units import Address, to_address, to_digest


@dataclass(frozen=True, slots=True)
class PinOptions:
    """The options, as they were written."""

    vaults: str | None = None
    chain: int | None = None
    hub: str | None = None
    broker: str | None = None
    roots: Sequence[str] = ()
    runtimes: Sequence[str] = ()


def pins_from(network: Path | None, data: Path | None, given: PinOptions) -> TrustPins:
    """Return the pins; raise InputRefused for one that cannot be read, or when one is missing."""
    pins = _base(network, data, given)
    try:
        if given.vaults is not None:
            vaults = tuple(sorted(map(to_address, given.vaults.replace(" ", "").lower().split(","))))
            pins = replace(pins, vaults=vaults, t=(len(vaults) + 1) // 2)
        if given.chain is not None:
            pins = replace(pins, chain=given.chain)
        if given.hub is not None:
            pins = replace(pins, hub=to_address(given.hub.lower()))
        if given.broker is not None:
            pins = replace(pins, broker=to_address(given.broker.lower()))
        if given.runtimes:
            pins = replace(pins, runtimes=frozenset(to_digest(each.lower()) for each in given.runtimes))
    except ValueError as error:
        raise InputRefused(f"a pin cannot be read: {error}.", money="") from error
    return _with_roots(pins, given.roots) if given.roots else pins


def _base(network: Path | None, data: Path | None, given: PinOptions) -> TrustPins:
    if network is not None and not network.exists():
        raise InputRefused(f"there is no network file {network}.", money="")
    try:
        return pins_of(load_network(network or home(data).network))
    except NetworkNotRunning as error:
        if None in (given.vaults, given.chain, given.hub, given.broker) or not given.roots:
            raise InputRefused(
                "nothing to verify against: give --network FILE, or --vaults, --chain, --hub, --broker and --root.",
                money="",
            ) from error
        nobody = Address("0x" + "00" * 20)
        return TrustPins(chain=0, hub=nobody, broker=nobody, vaults=(nobody,), t=1, roots=())


def _with_roots(pins: TrustPins, written: Sequence[str]) -> TrustPins:
    roots = tuple(root_from(each) for each in written)
    simulated = any(root.platform is Platform.SIMULATED for root in roots)
    return replace(pins, roots=roots, allow_simulated=simulated)


def root_from(written: str) -> TrustRoot:
    """Read a root as it is written in an option, PLATFORM=FILE; raise InputRefused."""
    name, _, file = written.partition("=")
    if name.upper() not in Platform.__members__ or not file:
        known = ", ".join(platform.name.lower() for platform in Platform)
        raise InputRefused(f"{written!r} is no root; write PLATFORM=FILE with one of: {known}.", money="")
    try:
        content = Path(file).read_bytes()
        der = ssl.PEM_cert_to_DER_cert(content.decode()) if content.startswith(b"-----BEGIN") else content
    except (OSError, ValueError) as error:
        raise InputRefused(f"the root {file} cannot be read: {error}.", money="") from error
    return TrustRoot(Platform[name.upper()], der)
