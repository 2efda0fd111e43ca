"""Per-client limits, names, origins and trusted proxies: the same for every service, and strict by default."""

import httpx
import msgspec
import pytest

from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ServiceAccess, client_address
from tests.unit.wire.serving_on_loopback import FLOOD, HONEST, client_from, hello, serving

PUBLIC = ServiceAccess(
    public_url="https://vault.example", allowed_hosts=("Vault.internal",), allowed_origins=("https://dapp.example",)
)


async def test_a_flood_gets_429_with_the_time_to_wait_while_another_client_is_served():
    async with (
        serving(ServiceAccess(requests_per_minute=5)) as port,
        client_from(FLOOD, port) as flood,
        client_from(HONEST, port) as honest,
    ):
        answers = [await flood.get("/") for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        assert int(answers[-1].headers["retry-after"]) in range(1, 13)
        assert (await honest.get("/")).status_code == 200


async def test_behind_a_trusted_proxy_the_forwarded_address_is_the_client():
    access = ServiceAccess(requests_per_minute=2, trusted_proxies=("127.0.0.2/32",))
    async with serving(access) as port, client_from(FLOOD, port) as proxy:
        for client in ("192.0.2.1", "2001:db8::1"):
            answers = [await proxy.get("/", headers={"x-forwarded-for": client}) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
        # What a client wrote itself stands before what the proxy added.
        forged = await proxy.get("/", headers={"x-forwarded-for": "203.0.113.9, 192.0.2.1"})
        assert forged.status_code == 429
        same_network = await proxy.get("/", headers={"x-forwarded-for": "2001:db8::ffff"})
        assert same_network.status_code == 429


async def test_a_program_on_the_proxys_machine_is_not_limited():
    access = ServiceAccess(requests_per_minute=2, trusted_proxies=("127.0.0.1",))
    async with serving(access) as port, client_from(HONEST, port) as program:
        assert [(await program.get("/")).status_code for _ in range(4)] == [200] * 4


async def test_a_forwarded_address_is_ignored_by_default():
    async with serving(ServiceAccess(requests_per_minute=2)) as port, client_from(HONEST, port) as client:
        answers = [await client.get("/", headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize(
    ("client", "counted"),
    [(("192.0.2.7", 1), "192.0.2.7"), (("2001:db8:1:2:3::4", 1), "2001:db8:1:2::/64"), (None, "")],
)
def test_the_client_of_a_request_is_an_address_or_a_64(client: tuple[str, int] | None, counted: str):
    assert client_address({"client": client}) == counted


async def get_root(access: ServiceAccess, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_app([hello], access=access))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4000") as client:
        return await client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("host", ["vault.example", "VAULT.example:443", "vault.internal", "127.0.0.1:9443"])
async def test_a_service_answers_under_its_configured_names(host: str):
    assert (await get_root(PUBLIC, host=host)).status_code == 200
    assert (await get_root(PUBLIC, host=host, origin="https://vault.example")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "vault.example.evil", "x.vault.example", "", "[::1]"])
async def test_it_answers_under_no_other(host: str):
    refused = await get_root(PUBLIC, host=host)
    assert refused.status_code == 403
    assert "vault.example" in refused.json()["error"]


@pytest.mark.parametrize(
    "origin",
    ["http://vault.example", "https://vault.example:444", "https://vault.internal", "null", "https://evil.example"],
)
async def test_pages_of_other_origins_stay_out(origin: str):
    assert (await get_root(PUBLIC, host="vault.example", origin=origin)).status_code == 403


async def test_a_page_that_is_configured_may_ask_and_its_browser_hands_the_answer_on():
    answer = await get_root(PUBLIC, host="vault.example", origin="https://dapp.example", sec_fetch_site="cross-site")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://dapp.example")


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "vault.example"},
        {"public_url": "https://vault.example/"},
        {"trusted_proxies": ["localhost"]},
        {"allowed_origins": ["*"]},
        {"trusted_proxies": ["*"]},
        {"allowed_host": []},
        {"certificate": "chain.pem"},
        {"certificate_key": "key.pem"},
    ],
)
def test_settings_that_are_malformed_are_refused(wrong: dict[str, object]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, ServiceAccess)
