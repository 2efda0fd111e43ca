"""The view of the chain for storage nodes: balances, parties of tasks, and named files."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import AccountView, TaskStatus
from sealgrid.units import to_digest
from sealgrid.web.chain_view import MAX_ADDRESSES, MAX_BLOCKS_BEHIND
from sealgrid.web.site import Site
from sealgrid.wire.chain_view import MAX_FILES_PER_REQUEST
from sealgrid.wire.message import MAX_MESSAGE_BYTES
from tests.unit.web.site_scene import ORIGIN, OWNER, VISITOR, browser

HEADERS = {"origin": ORIGIN}
FILE = {"sha256": "0x" + "ab" * 32, "cids": ["bafy"]}


async def test_a_balance_is_stake_and_locked_money(site: Site) -> None:
    site.hub.accounts[OWNER] = AccountView(5, 7)  # type: ignore[attr-defined]
    assert (await browser(site).get(f"/chain/accounts/{OWNER}")).json() == {"balance": 12}
    assert (await browser(site).get("/chain/accounts/0x12")).status_code == 404


async def test_an_unset_task_is_not_found(site: Site) -> None:
    async def unset(task: str) -> SimpleNamespace:
        return SimpleNamespace(status=TaskStatus.UNSET)

    site.hub.view_task = unset  # type: ignore[method-assign, assignment]
    assert (await browser(site).get(f"/chain/tasks/0x{'11' * 32}")).status_code == 404


async def test_a_task_is_active_until_its_contribution_deadline(site: Site) -> None:
    deadline = 1001

    async def view_task(task: str) -> SimpleNamespace:
        return SimpleNamespace(status=TaskStatus.ACTIVE, contribution_deadline=deadline, deal=to_digest(b"\x02" * 32))

    async def view_deal(deal: str) -> SimpleNamespace:
        return SimpleNamespace(requester=VISITOR, workerpool=SimpleNamespace(owner=OWNER))

    site.hub.view_task, site.hub.view_deal = view_task, view_deal  # type: ignore[method-assign, assignment]
    path = f"/chain/tasks/0x{'11' * 32}"
    shown = (await browser(site).get(path)).json()
    assert (shown["active"], shown["requester"], shown["pool_owner"], shown["pool_signer"]) == (
        True,
        VISITOR,
        OWNER,
        OWNER,
    )
    deadline = 1000
    assert (await browser(site).get(path)).json()["active"] is False


async def test_too_many_files_are_refused(site: Site) -> None:
    files = [FILE] * (MAX_FILES_PER_REQUEST + 1)
    reply = await browser(site).post("/chain/named", json={"files": files}, headers=HEADERS)
    assert (reply.status_code, "at most" in reply.text) == (400, True)


async def test_a_question_that_would_cost_the_pages_much_is_refused(site: Site) -> None:
    """Anybody may ask, and a form may have 256 MiB."""
    many = {"sha256": FILE["sha256"], "cids": ["bafy"] * (MAX_ADDRESSES + 1)}
    reply = await browser(site).post("/chain/named", json={"files": [many]}, headers=HEADERS)
    assert (reply.status_code, "at most" in reply.text) == (400, True)
    for path in ("/chain/named", "/chain/naming"):
        large = await browser(site).post(path, content=bytes(MAX_MESSAGE_BYTES + 1), headers=HEADERS)
        assert large.status_code == 413


async def test_an_index_that_is_far_behind_names_no_files(site: Site) -> None:
    site.hub.height = MAX_BLOCKS_BEHIND - 1  # type: ignore[attr-defined]
    client = browser(site)
    assert (await client.post("/chain/named", json={"files": [FILE]}, headers=HEADERS)).json() == {"named": []}
    site.hub.height += 1  # type: ignore[attr-defined]
    assert (await client.post("/chain/named", json={"files": [FILE]}, headers=HEADERS)).status_code == 503


async def test_the_assets_that_name_a_file_are_told_with_their_open_deals_once_the_index_has_the_head(
    site: Site,
) -> None:
    site.hub.height = -1  # type: ignore[attr-defined]  the index has the chain's head
    assert (await browser(site).post("/chain/naming", json=FILE, headers=HEADERS)).json() == {"assets": []}
    too_many = FILE | {"cids": ["x"] * (MAX_FILES_PER_REQUEST + 1)}
    assert (await browser(site).post("/chain/naming", json=too_many, headers=HEADERS)).status_code == 400


async def test_an_index_that_is_behind_the_chain_does_not_say_that_a_file_is_free(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_wait(self: Site) -> None:
        pass

    monkeypatch.setattr(Site, "wait_until_indexed", no_wait)
    site.hub.height = 0  # type: ignore[attr-defined]
    assert (await browser(site).post("/chain/naming", json=FILE, headers=HEADERS)).status_code == 503


async def test_the_files_of_assets_are_listed_unless_the_index_is_far_behind(site: Site) -> None:
    site.hub.height = MAX_BLOCKS_BEHIND - 1  # type: ignore[attr-defined]
    client = browser(site)
    assert (await client.post("/chain/files", json={}, headers=HEADERS)).json() == {"files": [], "after": None}
    assert (await client.post("/chain/files", json={"after": "0x12"}, headers=HEADERS)).status_code == 404
    site.hub.height += 1  # type: ignore[attr-defined]
    assert (await client.post("/chain/files", json={}, headers=HEADERS)).status_code == 503
