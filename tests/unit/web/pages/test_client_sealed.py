"""Endpoints of runs and models that the browser seals: a wallet, this site's pages, and vaults that may be down."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.web.site import Site
from tests.unit.web.site_scene import ORIGIN, OWNER, WALLET, browser, open_site


async def test_a_sealed_file_is_stored_for_a_connected_wallet_of_this_site_only(tmp_path: Path) -> None:
    stored: list[bytes] = []

    async def put_bytes(content: bytes) -> Digest:
        stored.append(content)
        return Digest("0x" + "ab" * 32)

    async with open_site(tmp_path, storage=SimpleNamespace(put_bytes=put_bytes)) as site:
        refused = [
            await browser(site).post("/wallet/files", content=b"sealed", headers={"origin": ORIGIN}),
            await browser(site, WALLET).post("/wallet/files", content=b"sealed"),
        ]
        assert ([reply.status_code for reply in refused], stored) == ([400, 400], [])
        reply = await browser(site, WALLET).post("/wallet/files", content=b"sealed", headers={"origin": ORIGIN})
    assert reply.json() == {"sha256": "0x" + "ab" * 32}
    assert stored == [b"sealed"]


async def test_a_vault_that_does_not_answer_has_no_identity(tmp_path: Path) -> None:
    async def identity() -> None:
        raise ServiceUnavailable("the vault does not answer.")

    async with open_site(tmp_path, vaults=(SimpleNamespace(identity=identity),), vault_addresses=(OWNER,)) as site:
        reply = (await browser(site).get("/wallet/vaults")).json()
    assert (reply["vaults"], reply["threshold"]) == ([None], 1)


@pytest.mark.parametrize("path", ["deposits", "runs", "runs/match", "models"])
async def test_malformed_json_is_refused(site: Site, path: str) -> None:
    reply = await browser(site, WALLET).post(f"/wallet/{path}", content=b'{"more": 1}', headers={"origin": ORIGIN})
    assert (reply.status_code, "cannot be parsed" in reply.text) == (400, True)
