"""Trust pins of a receipt verification, from a network file and options; an option replaces the file's value."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused, NetworkNotRunning
from sealgrid.receipts.report import TrustPins
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.network import pins_of
from sealgrid.sdk.stores.home import home
from sealgrid.sdk.stores.network_store import choose_network
from sealgrid.units import ZERO_ADDRESS, to_digest


@dataclass(frozen=True, slots=True)
class PinOptions:
    """Values of the options."""

    vaults: str | None = None
    chain: int | None = None
    hub: str | None = None
    broker: str | None = None
    roots: Sequence[str] = ()
    runtimes: Sequence[str] = ()


def read_pins(network: str | None, data: Path | None, options: PinOptions) -> TrustPins:
    """Return the pins; raise InputRefused if one is malformed or missing."""
    pins = _network_pins(network, data, options)
    try:
        if options.vaults is not None:
            vaults = tuple(sorted(map(parse_address, options.vaults.replace(" ", "").split(","))))
            pins = replace(pins, vaults=vaults, t=(len(vaults) + 1) // 2)
        if options.chain is not None:
            pins = replace(pins, chain=options.chain)
        if options.hub is not None:
            pins = replace(pins, hub=parse_address(options.hub))
        if options.broker is not None:
            pins = replace(pins, broker=parse_address(options.broker))
        if options.runtimes:
            pins = replace(pins, runtimes=frozenset(to_digest(each.lower()) for each in options.runtimes))
    except ValueError as error:
        raise InputRefused(f"a pin cannot be read: {error}.", money="") from error
    if not options.roots:
        return pins
    roots = tuple(parse_root(each) for each in options.roots)
    simulated = any(root.platform is Platform.SIMULATED for root in roots)
    return replace(pins, roots=roots, allow_simulated=simulated)


def _network_pins(network: str | None, data: Path | None, options: PinOptions) -> TrustPins:
    try:
        return pins_of(choose_network(home(data), network))
    except NetworkNotRunning as error:
        if None in (options.vaults, options.chain, options.hub, options.broker) or not options.roots:
            raise InputRefused(
                "there are no pins: name a network with --network, or give all of --vaults, --chain, --hub, "
                "--broker and --root.",
                money="",
            ) from error
        unset = ZERO_ADDRESS
        return TrustPins(chain=0, hub=unset, broker=unset, vaults=(unset,), t=1, roots=())


def parse_root(option: str) -> TrustRoot:
    """Read a root certificate from an option PLATFORM=FILE; raise InputRefused."""
    name, _, file = option.partition("=")
    if name.upper() not in Platform.__members__ or not file:
        known = ", ".join(platform.name.lower() for platform in Platform)
        raise InputRefused(
            f"{option!r} is not a valid root certificate option; write PLATFORM=FILE, where PLATFORM is one of: "
            f"{known}.",
            money="",
        )
    try:
        content = Path(file).read_bytes()
        der = ssl.PEM_cert_to_DER_cert(content.decode()) if content.startswith(b"-----BEGIN") else content
    except (OSError, ValueError) as error:
        raise InputRefused(f"the root certificate {file} cannot be read: {error}.", money="") from error
    return TrustRoot(Platform[name.upper()], der)
