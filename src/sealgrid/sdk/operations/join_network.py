"""Reads the public file of a network, and checks that this machine can use it.

A file is refused if

1. it is not a network file;
2. a URL is not valid, or neither http nor https, or that of a mirror which cannot be opened (``check_mirror``);
3. it came from another machine and names loopback or a folder, which are of this machine, or a mirror without https;
4. the node that it names does not answer, or serves another chain.
"""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from sealgrid.chain.node import Node
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.sdk.network import NETWORK_PATH, Network, published
from sealgrid.storage.mirrors import check_mirror
from sealgrid.wire.http_transport import HttpTransport

_SECONDS: Final = 20.0


async def fetch_network(source: str) -> Network:
    """Return the network of a URL or a file, without what concerns its own machine only; raise as the module says."""
    parts = _split(source)
    is_url = parts.scheme in {"http", "https"} and bool(parts.netloc)
    content = await _download(source) if is_url else _read(source)
    network = parse_network(content, source, from_elsewhere=is_url and not _is_loopback(source))
    async with Node(network.rpc_url) as node:
        await network.identity.check_chain(node)  # (4)
    return network


def parse_network(content: bytes, source: str, *, from_elsewhere: bool) -> Network:
    """Decode a network file and check its URLs (1 to 3); ``source`` names it in errors."""
    try:
        network = published(msgspec.json.decode(content, type=Network))
    except DECODE_ERRORS as error:  # (1)
        raise InputRefused(f"{source} is not a network file: {error}.", money="") from error
    for url in network.storage_mirrors:
        try:
            check_mirror(url, from_elsewhere=from_elsewhere)  # (2) (3)
        except InputRefused as error:
            raise InputRefused(
                f"a mirror of the network file cannot be used here: {error.message}", money=""
            ) from error
        parts = _split(url)
        hosts = (url, *(value for _, value in parse_qsl(parts.query)))  # an S3 endpoint is an option of the URL
        if from_elsewhere and (parts.scheme == "file" or any(map(_is_loopback, hosts))):  # (3)
            raise InputRefused(f"the network file names the mirror {url[:80]!r}, which is of this machine.", money="")
    for url in _urls(network):
        parts = _split(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:  # (2)
            raise InputRefused(f"the network file names {url[:80]!r}, which is not an http or https URL.", money="")
        if from_elsewhere and _is_loopback(url):  # (3)
            raise InputRefused(
                f"the network file names {url}, which is this machine; its operator shares a network with: "
                "sealgrid up --host ADDRESS",
                money="",
            )
    return network


async def _download(source: str) -> bytes:
    parts = _split(source)
    path = parts.path if parts.path not in {"", "/"} else NETWORK_PATH
    async with HttpTransport(f"{parts.scheme}://{parts.netloc}", name="the network", timeout=_SECONDS) as transport:
        return await transport.request("GET", path)


def _read(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise InputRefused(
            f"{source} cannot be read ({error.strerror}); give a URL with http:// or https://, or a network file.",
            money="",
        ) from error


def _urls(network: Network) -> Iterator[str]:
    yield from (network.rpc_url, network.market_url, network.pool_url, *network.storage_nodes)
    yield from (vault.url for vault in network.vaults)
    yield from (url for url in (network.web_url, network.sms_url, network.faucet_url, network.authority_url) if url)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for an invalid port
    except ValueError as error:
        raise InputRefused(f"{url[:80]!r} is not a valid URL: {error}.", money="") from error
    return parts


def _is_loopback(url: str) -> bool:
    """Return whether a URL names this machine: a connection to the unspecified address (0.0.0.0) reaches it too."""
    host = (_split(url).hostname or "").removesuffix(".")
    address = _address_of(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, also in the older forms that resolvers read (127.1, 2130706433); else None."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
