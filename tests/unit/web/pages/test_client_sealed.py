"""Endpoints of runs and models that the browser seals: a wallet, this site's pages, and vaults that may be down."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.errors import ServiceUnavailable
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address, to_digest
from sealgrid.web.site import Site
from sealgrid.wire.storage import StoredFileInfo
from tests.unit.web.site_scene import ORIGIN, OWNER, VISITOR, WALLET, browser, open_site


class StorageNode:
    """A storage node that records what is stored for which account."""

    def __init__(self) -> None:
        self.stored: list[tuple[Address, bytes]] = []
        self._account, self.url = "", "http://node.example"

    def stored_for(self, account: Address) -> "StorageNode":
        self._account = account
        return self

    async def begin(self, size: int) -> str:
        return self._account

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        self.stored.append((Address(upload), piece))

    async def finish(self, upload: str) -> StoredFileInfo:
        return StoredFileInfo(sha256=to_digest(sha256(b"sealed")), cid="", size=6)


async def test_a_sealed_file_is_stored_for_a_connected_wallet_of_this_site_only(tmp_path: Path) -> None:
    node = StorageNode()
    async with open_site(tmp_path, storage=RemoteFiles(node), storage_nodes=(node,)) as site:
        refused = [
            await browser(site).post("/wallet/files", content=b"sealed", headers={"origin": ORIGIN}),
            await browser(site, WALLET).post("/wallet/files", content=b"sealed"),
        ]
        assert ([reply.status_code for reply in refused], node.stored) == ([400, 400], [])
        reply = await browser(site, WALLET).post("/wallet/files", content=b"sealed", headers={"origin": ORIGIN})
    assert reply.json() == {"sha256": to_digest(sha256(b"sealed"))}
    assert node.stored == [(VISITOR, b"sealed")], "the wallet's account may have it removed"


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
