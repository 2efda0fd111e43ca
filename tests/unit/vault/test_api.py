"""A vault's HTTP interface in one process: what it serves, refuses and limits."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from sealgrid.crypto.iexec_challenge import requester_secret_address
from sealgrid.vault.api import application
from sealgrid.vault.service import Vault
from sealgrid.wire.log import LogPage, SignedHead
from sealgrid.wire.message import encode
from sealgrid.wire.vault import VaultIdentity
from tests.unit.vault.checks.test_pushed_requester_secrets import NAME, pushed, signed
from tests.unit.vault.vault_scene import DATASET, MODEL_KEY, OWNER, REQUESTER, STRANGER, Split, granted_deposit


@pytest.fixture
async def client(vault: Vault) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(vault, inputs_per_hour=1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_its_identity_is_signed_and_its_log_empty(client: httpx.AsyncClient, vault: Vault) -> None:
    identity = msgspec.json.decode((await client.get("/identity")).content, type=VaultIdentity)
    assert identity == vault.identity
    head = msgspec.json.decode((await client.get("/log/head")).content, type=SignedHead)
    assert (head.head.vault, head.head.size) == (vault.address, 0)
    page = msgspec.json.decode((await client.get(f"/log/assets/{DATASET}/0")).content, type=LogPage)
    assert page.entries == ()


@pytest.mark.parametrize("path", [f"/assets/0x12/{OWNER.address}", "/log/assets/0x12/0"])
async def test_what_is_no_address_is_refused(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert (reply.status_code, reply.json()["type"]) == (400, "InputRefused")


@pytest.mark.parametrize("task", ["zz", "", "0x12", "0x" + "AA" * 32])
async def test_a_preview_of_what_is_no_task_is_refused(client: httpx.AsyncClient, task: str) -> None:
    reply = await client.post("/releases/preview", json={"task": task})
    assert (reply.status_code, reply.json()["type"]) == (400, "InputRefused")


async def test_a_refusal_names_its_check(client: httpx.AsyncClient) -> None:
    reply = await client.post("/deposits", content=encode(MODEL_KEY.deposit(signature=bytes(65))))
    assert (reply.status_code, reply.json()["check"]) == (403, "deposit.2")


async def test_only_deposits_of_inputs_are_limited(client: httpx.AsyncClient) -> None:
    inputs = [granted_deposit(), granted_deposit()]
    replies = [await client.post("/deposits", content=encode(each)) for each in inputs]
    assert [reply.status_code for reply in replies] == [200, 429]
    for version in (1, 2):
        reply = await client.post("/deposits", content=encode(Split(version=version).deposit()))
        assert reply.status_code == 200


async def test_secrets_of_requesters_count_as_inputs_since_they_need_nothing_on_the_chain(
    client: httpx.AsyncClient,
) -> None:
    keys = [(Split(owner=by, asset=requester_secret_address(by.address, NAME)), by) for by in (REQUESTER, STRANGER)]
    pushes = [pushed(key, signature=signed(by=by, address=by.address)) for key, by in keys]
    replies = [await client.post("/iexec/deposits", content=encode(each)) for each in pushes]
    assert [reply.status_code for reply in replies] == [200, 429]


async def test_an_unknown_field_or_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/openings", content=b'{"more":1}')).status_code == 400
    assert (await client.post("/openings", content=bytes((1 << 20) + 1))).status_code == 413
