"""However many visitors there are, a page reads a file from the storage once, also one that is no good."""

import asyncio

import pytest

from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.errors import NotFound
from sealgrid.storage.remote_files import RemoteFiles, StoredFile
from sealgrid.units import Digest, to_digest
from sealgrid.web.app_bundles import AppBundles
from sealgrid.web.model_cards import ModelCards
from sealgrid.wire.storage import StoredFileInfo

JUNK = b"no bundle, no sealed file" * 1000
PLACE, NAME = cid_of(to_digest(sha256(JUNK))), to_digest(sha256(JUNK))
APP = to_digest(b"\x07" * 32)


class Node:
    """A storage node with one file, or none, that counts how often its bytes are asked for."""

    def __init__(self, content: bytes = JUNK) -> None:
        self.content, self.reads = content, 0

    async def begin(self) -> str:
        raise NotImplementedError

    async def append(self, upload: str, piece: bytes) -> None:
        raise NotImplementedError

    async def finish(self, upload: str) -> StoredFile:
        raise NotImplementedError

    async def head(self, sha256: Digest) -> StoredFile:
        if not self.content:
            raise NotFound("not here yet.")
        return StoredFileInfo(sha256=sha256, cid="", size=len(self.content))

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.reads += 1
        await asyncio.sleep(0)
        return self.content[offset : offset + length]


async def test_a_bundle_that_is_another_apps_is_read_once_by_all_who_look() -> None:
    node = Node()
    bundles = AppBundles(RemoteFiles(node))
    looks = [bundles.about(f"/ipfs/{PLACE}", APP) for _ in range(20)]
    assert await asyncio.gather(*looks) == [None] * 20
    assert await bundles.about(f"/ipfs/{PLACE}", APP) is None
    assert node.reads == 1


async def test_a_file_without_a_card_is_read_once_by_all_who_look() -> None:
    node = Node()
    cards = ModelCards(RemoteFiles(node))
    assert await asyncio.gather(*(cards.card(NAME) for _ in range(20))) == [""] * 20
    assert node.reads == 1


async def test_a_file_that_was_not_there_is_looked_for_again() -> None:
    node = Node(b"")
    cards, bundles = ModelCards(RemoteFiles(node)), AppBundles(RemoteFiles(node))
    assert (await cards.card(NAME), await bundles.about(f"/ipfs/{PLACE}", APP)) == (None, None)
    node.content = JUNK
    assert await cards.card(NAME) == ""


async def test_a_bad_place_under_a_good_apps_digest_hides_nothing() -> None:
    node = Node()
    bundles = AppBundles(RemoteFiles(node))
    await bundles.about(f"/ipfs/{PLACE}", APP)
    await bundles.about(f"/ipfs/{cid_of(APP)}", APP)
    assert node.reads == 2


async def test_whoever_leaves_ends_nobody_elses_reading() -> None:
    cards = ModelCards(RemoteFiles(Node()))
    first, second = asyncio.create_task(cards.card(NAME)), asyncio.create_task(cards.card(NAME))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == ""
