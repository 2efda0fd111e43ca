"""Endpoints of wallet.js: the cookie of a wallet, and challenges that a wallet may sign."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.attestation.statements import FileRemoval
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.own_offers import NodeRemoval
from sealgrid.units import Address, to_digest
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages import wallet as wallet_pages
from sealgrid.web.pages.wallet import parse_signature
from sealgrid.web.site import WALLET_COOKIE, Site
from sealgrid.web.storage_cache import ModelCards
from sealgrid.wire.challenge import SENTENCE
from sealgrid.wire.storage import SignedRemoval
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import ORIGIN, VISITOR, WALLET, browser, open_site

HEADERS = {"origin": ORIGIN}


async def test_a_connected_wallet_is_a_cookie_that_scripts_cannot_read(site: Site) -> None:
    reply = await browser(site).post("/wallet", data={"address": VISITOR.upper().replace("0X", "0x")}, headers=HEADERS)
    assert reply.status_code == 204
    cookie = reply.headers["set-cookie"]
    assert f"{WALLET_COOKIE}={VISITOR}" in cookie
    assert "HttpOnly" in cookie


async def test_a_malformed_address_is_refused(site: Site) -> None:
    reply = await browser(site).post("/wallet", data={"address": "0x12"}, headers=HEADERS)
    assert (reply.status_code, "not a valid address" in reply.text) == (400, True)


@pytest.mark.parametrize(("sentence", "status"), [(SENTENCE + "x", 200), ("Transfer everything", 503)])
async def test_only_a_challenge_of_the_market_reaches_the_wallet(tmp_path: Path, sentence: str, status: int) -> None:
    async def challenge(address: str) -> str:
        return sentence

    async with open_site(tmp_path, market=SimpleNamespace(challenge=challenge)) as site:
        reply = await browser(site, WALLET).post("/wallet/challenge", data={}, headers=HEADERS)
    assert reply.status_code == status
    assert ("typed" in reply.text) == (status == 200)


async def test_a_challenge_needs_a_connected_wallet(site: Site) -> None:
    reply = await browser(site).post("/wallet/challenge", data={}, headers=HEADERS)
    assert (reply.status_code, "no wallet is connected" in reply.text) == (400, True)


def test_a_signature_is_hex() -> None:
    assert parse_signature("0x0102") == parse_signature("0102") == b"\x01\x02"
    with pytest.raises(InputRefused, match="not valid hex"):
        parse_signature("0xzz")


REMOVAL = FileRemoval(account=VISITOR, file_sha256=to_digest(b"\x01" * 32), issued=1)


@pytest.mark.parametrize(
    ("answers", "status"), [((True, True), 204), ((True, False), 503)], ids=["removed", "one node is away"]
)
async def test_a_signed_removal_goes_to_every_storage_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: tuple[bool, ...], status: int
) -> None:
    sent, forgotten = [], []

    async def send_removal(conn: object, signed: SignedRemoval) -> list[NodeRemoval]:
        sent.append(signed)
        return [NodeRemoval(f"http://{n}", removed, "" if removed else "away.") for n, removed in enumerate(answers)]

    monkeypatch.setattr(wallet_pages, "send_removal", send_removal)
    monkeypatch.setattr(
        wallet_pages, "recording_connection", lambda conn, address: (SimpleNamespace(address=address), [])
    )
    monkeypatch.setattr(ModelCards, "forget", lambda self, checksum: forgotten.append(checksum))
    body = {"removal": msgspec.to_builtins(REMOVAL), "signature": "0x0102"}
    async with open_site(tmp_path) as site:
        reply = await browser(site, WALLET).post("/wallet/removals", json=body, headers=HEADERS)
        without = await browser(site).post("/wallet/removals", json=body, headers=HEADERS)
    assert (reply.status_code, without.status_code) == (status, 400)
    assert "http://1 may still have the file: away." in reply.text or status == 204
    assert sent == [SignedRemoval(removal=REMOVAL, signature=b"\x01\x02")]
    assert forgotten == [REMOVAL.file_sha256]


async def test_the_file_of_a_model_that_is_on_the_market_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check_off_the_market(conn: SimpleNamespace, model: Address, record: None) -> None:
        assert (conn.address, model) == (VISITOR, f"0x{1:040x}")
        raise InputRefused("an offer of this model is still open.")

    monkeypatch.setattr(wallet_pages, "check_off_the_market", check_off_the_market)
    monkeypatch.setattr(
        wallet_pages, "recording_connection", lambda conn, address: (SimpleNamespace(address=address), [])
    )
    body = {"removal": msgspec.to_builtins(REMOVAL), "signature": "0x"}
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        row = asset_row(1, "Dataset", "", REMOVAL.file_sha256) | {"owner": VISITOR}
        store.write(IndexedBlocks(assets=(row,)), trail_of([0]))
        store.close()
        reply = await browser(site, WALLET).post("/wallet/removals", json=body, headers=HEADERS)
    assert (reply.status_code, "still open" in reply.text) == (400, True)
