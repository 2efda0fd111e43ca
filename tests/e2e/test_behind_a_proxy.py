"""Services behind Debian's nginx with TLS, configured as in docs/howto/behind-a-proxy.md."""

import asyncio
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealgrid.crypto.digests import sha256
from sealgrid.units import Address, to_digest
from sealgrid.vault.keys import load_key_files
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.pool import PoolClient
from sealgrid.wire.storage import StorageClient
from sealgrid.wire.vault import VaultClient
from tests.e2e.running_network import RunningNetwork, start_network

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = (ROOT / "docs" / "howto" / "behind-a-proxy.md").read_text()
NAMES = ("app", "market", "pool", "files", "vault")


def code_block(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", HOW_TO, re.DOTALL)
    return str(block)


def ports_by_page(running: RunningNetwork) -> dict[int, int]:
    """Map the ports of the how-to page to the ports of the running services."""
    net = running.network
    first = next(vault.url for vault in net.vaults if vault.address == _first_vault(running))
    urls = {8553: net.web_url, 8551: net.market_url, 8552: net.pool_url, 8546: net.storage_url, 8548: first}
    return {port: httpx.URL(url).port or 0 for port, url in urls.items()}


def _first_vault(running: RunningNetwork) -> Address:
    return load_key_files(running.layout.part("vault-1")).address


@dataclass(frozen=True)
class Proxy:
    """A running nginx in front of a network."""

    port: int
    trusted: ssl.SSLContext

    def client(self, name: str, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Return a client for one host name through the proxy, from a loopback address."""
        transport = httpx.AsyncHTTPTransport(verify=self.trusted, local_address=address)
        return httpx.AsyncClient(
            transport=_NamedTransport(transport, name), base_url=f"https://127.0.0.1:{self.port}", timeout=60
        )


class _NamedTransport(httpx.AsyncBaseTransport):
    """Sends a host name without DNS resolution, in the Host header and SNI, and verifies its certificate."""

    def __init__(self, inner: httpx.AsyncHTTPTransport, name: str) -> None:
        self._inner, self._name = inner, name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.setdefault("host", self._name)
        request.headers["host"] = self._name
        request.extensions["sni_hostname"] = self._name
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class ProxyTransport:
    """A transport for Sealgrid's clients that sends requests through the proxy."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        response = await self._http.request(method, path, content=body or None)
        if response.is_success:
            return response.content
        raise parse_error(response.content, response.status_code)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    folder = tmp_path_factory.mktemp("behind-a-proxy")
    (folder / "services.toml").write_text(code_block("toml"))
    running = start_network(folder)
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["keeps Host", "rewrites Host"])
def proxy(
    request: pytest.FixtureRequest, network: RunningNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    _write_certificate(folder)
    text = code_block("nginx").replace("/etc/ssl/sealgrid", str(folder / "sealgrid"))
    for page_port, port in ports_by_page(network).items():
        text = text.replace(f"127.0.0.1:{page_port};", f"127.0.0.1:{port};")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{free} ")
    if request.param == "rewrites Host":
        text = text.replace("Host $host", "Host $proxy_host")
    config = folder / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"daemon off;\npid {folder}/pid;\n{'user root;' if os.geteuid() == 0 else ''}\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    )
    command = ["setpriv", "--pdeathsig", "TERM", str(ROOT / ".cache" / "nginx"), "-c", str(config), "-e", "stderr"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        _wait_until_open(free, process, folder / "log")
        yield Proxy(free, ssl.create_default_context(cafile=folder / "sealgrid.crt"))
    finally:
        process.terminate()
        process.wait(20)


def _write_certificate(folder: Path) -> None:
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    names = x509.SubjectAlternativeName([x509.DNSName(f"{name}.example") for name in NAMES])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    )
    signed = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    (folder / "sealgrid.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "sealgrid.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


async def test_pages_and_their_forms_work(proxy: Proxy):
    async with proxy.client("app.example") as browser:
        assert (await browser.get("/")).status_code == 200
        accepted = await browser.post("/account/use", data={"name": "owner"}, headers={"origin": "https://app.example"})
        assert (accepted.status_code, accepted.headers["location"]) == (303, "/account")
        assert "sealgrid_account=owner" in accepted.headers["set-cookie"]
        for origin in ("https://evil.example", "http://app.example", "null"):
            refused = await browser.post("/account/use", data={"name": "owner"}, headers={"origin": origin})
            assert refused.status_code == 403, origin
        without = await browser.post("/account/use", data={"name": "owner"})
        assert without.status_code == 400


async def test_vault_market_pool_and_storage_are_reachable(proxy: Proxy, network: RunningNetwork):
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(proxy.client(f"{name}.example")) for name in NAMES}
        identity = await VaultClient(ProxyTransport(clients["vault"])).identity()
        assert identity.address == _first_vault(network)
        assert (await clients["market"].get("/version")).json()["ok"] is True
        orders = await clients["market"].get("/workerpoolorders", params={"chainId": network.network.chain})
        assert orders.json()["count"] == 2  # of the short category, and of the one that iExec's libraries name
        pool = await PoolClient(ProxyTransport(clients["pool"])).view()
        assert pool.workerpool == network.network.workerpool
        compass = await clients["pool"].get(f"/{network.network.chain}/workerpools/{pool.workerpool}")
        assert compass.json() == {"apiUrl": "https://pool.example"}
        content = os.urandom((1 << 20) + 1)
        storage = StorageClient(ProxyTransport(clients["files"]))
        stored = await storage.put(content)
        assert stored.sha256 == to_digest(sha256(content))
        assert await storage.read_by_cid(stored.cid) == content


async def test_the_feed_is_reachable(proxy: Proxy):
    async with proxy.client("market.example") as client:
        opened = await client.get("/ws/", params={"EIO": "4", "transport": "polling"})
    assert (opened.status_code, opened.text[:1]) == (200, "0")


async def test_an_unconfigured_host_name_is_refused(proxy: Proxy):
    async with proxy.client("evil.example") as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/")


async def test_clients_behind_the_proxy_are_limited_by_their_own_address(proxy: Proxy, request):
    flood, honest = (f"127.{proxy.port >> 8}.{proxy.port & 255}.{number}" for number in (1, 2))  # of this proxy alone
    async with proxy.client("vault.example", flood) as many, proxy.client("vault.example", honest) as one:
        # Two minutes' worth at once: a slow machine is allowed more than one burst of 120 meanwhile.
        asked = (many.get("/identity", headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in range(240))
        statuses = [response.status_code for response in await asyncio.gather(*asked)]
        assert statuses.count(200) >= 120
        assert 429 in statuses
        assert (await one.get("/identity")).status_code == 200


async def test_without_the_settings_a_public_name_is_refused(network: RunningNetwork):
    async with httpx.AsyncClient() as client:
        other = next(vault.url for vault in network.network.vaults if vault.address != _first_vault(network))
        refused = await client.get(f"{other}/identity", headers={"host": "vault.example"})
    assert refused.status_code == 403
