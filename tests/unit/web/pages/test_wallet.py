"""Endpoints of wallet.js: the cookie of a wallet, and challenges that a wallet may sign."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused
from sealgrid.web.pages.wallet import parse_signature
from sealgrid.web.site import WALLET_COOKIE, Site
from sealgrid.wire.challenge import SENTENCE
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
