"""The public log over HTTP: every page and path verifies under the head that comes with it."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from sealgrid.attestation.vault_log import check_entry, check_head, contradiction, entry_of
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.vault.api import application
from sealgrid.vault.service import Vault
from sealgrid.wire.log import LogPage, LogPath, SignedHead
from tests.unit.vault.vault_scene import DATASET, DOMAIN, NOW, facts


@pytest.fixture
async def client(vault: Vault) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a vault whose log has three entries, the second without a dataset."""
    for number, logged in enumerate((facts(), msgspec.structs.replace(facts(), dataset=None), facts())):
        session = to_digest(bytes([number]) * 32)
        vault.log.append(vault.log.prepare(entry_of(logged, session, policy=0, block=7, time=NOW + number)))
    transport = httpx.ASGITransport(app=application(vault))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_every_entry_of_a_page_is_in_the_log(client: httpx.AsyncClient, vault: Vault) -> None:
    page = msgspec.json.decode((await client.get("/log/entries/1")).content, type=LogPage)
    head = check_head(page.head.head, page.head.signature, vault.address, DOMAIN)
    entries = [check_entry(each.entry.encode(), each.index, each.path, head) for each in page.entries]
    assert [entry.asset for entry in entries] == [ZERO_ADDRESS, DATASET]


async def test_the_entries_of_one_asset_are_those_of_its_releases(client: httpx.AsyncClient) -> None:
    page = msgspec.json.decode((await client.get(f"/log/assets/{DATASET}/0")).content, type=LogPage)
    assert [each.index for each in page.entries] == [0, 2]


async def test_the_log_proves_that_it_only_grew(client: httpx.AsyncClient, vault: Vault) -> None:
    now = msgspec.json.decode((await client.get("/log/head")).content, type=SignedHead).head
    path = msgspec.json.decode((await client.get("/log/consistency/3/3")).content, type=LogPath).path
    assert contradiction(now, now, path) is None
    assert (await client.get("/log/consistency/1/3")).status_code == 200


@pytest.mark.parametrize("path", ["/log/inclusion/3/3", "/log/inclusion/0/4", "/log/consistency/2/1"])
async def test_a_proof_about_what_the_log_is_not_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 400


@pytest.mark.parametrize("path", ["entries/{}", f"assets/{DATASET}/{{}}", "inclusion/{}/3", "consistency/0/{}"])
async def test_a_number_above_64_bits_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get("/log/" + path.format(2**64))).status_code == 400
