"""Cached storage reads: concurrent visitors share one read, of invalid files as well."""

import asyncio

import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.input_spec import FileSpec, InputSpec
from sealgrid.bundle.manifest import MANIFEST, SCHEMA_WITH_INPUTS, AppFileEntry, Manifest
from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import NotFound
from sealgrid.sdk.model_cards import CardSubject, ModelCard
from sealgrid.storage.node_calls import StoredFile
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest, to_address, to_digest
from sealgrid.web.run_form import example_name
from sealgrid.web.storage_cache import CARD_SECONDS, MAX_EXAMPLE, AppBundles, ModelCards, SharedReads
from sealgrid.wire.storage import StoredFileInfo

JUNK = b"no bundle, no sealed file" * 1000
DIGEST = to_digest(sha256(JUNK))
CID = cid_of(DIGEST)
APP = to_digest(b"\x07" * 32)
OWNER = to_address(b"\x01" * 20)
SUBJECT = CardSubject(OWNER, "faces", Domain(chain=1, broker=OWNER))


class CountingNode:
    """A storage node with one file, or none, that counts the reads of its bytes."""

    url = "http://node.example"

    def __init__(self, content: bytes = JUNK) -> None:
        self.content, self.reads = content, 0

    async def begin(self) -> str:
        raise NotImplementedError

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        raise NotImplementedError

    async def finish(self, upload: str) -> StoredFile:
        raise NotImplementedError

    async def head(self, sha256: Digest) -> StoredFile:
        if not self.content:
            raise NotFound("not stored yet.")
        return StoredFileInfo(sha256=sha256, cid="", size=len(self.content))

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.reads += 1
        await asyncio.sleep(0)
        return self.content[offset : offset + length]


async def test_an_invalid_bundle_is_read_once() -> None:
    node = CountingNode()
    bundles = AppBundles(RemoteFiles(node))
    reads = [bundles.details(f"/ipfs/{CID}", APP) for _ in range(20)]
    assert await asyncio.gather(*reads) == [None] * 20
    assert await bundles.details(f"/ipfs/{CID}", APP) is None
    assert node.reads == 1


async def test_a_file_without_a_card_is_read_once() -> None:
    node = CountingNode()
    cards = ModelCards(RemoteFiles(node))
    assert await asyncio.gather(*(cards.card(DIGEST, SUBJECT) for _ in range(20))) == [ModelCard()] * 20
    assert node.reads == 2, "the header, then the whole file"


async def test_a_missing_file_is_read_again() -> None:
    node = CountingNode(b"")
    cards, bundles = ModelCards(RemoteFiles(node)), AppBundles(RemoteFiles(node))
    assert (await cards.card(DIGEST, SUBJECT), await bundles.details(f"/ipfs/{CID}", APP)) == (None, None)
    node.content = JUNK
    assert await cards.card(DIGEST, SUBJECT) == ModelCard()


async def test_a_bad_address_with_a_known_digest_does_not_hide_the_good_bundle() -> None:
    node = CountingNode()
    bundles = AppBundles(RemoteFiles(node))
    await bundles.details(f"/ipfs/{CID}", APP)
    of_the_first = node.reads
    await bundles.details(f"/ipfs/{cid_of(APP)}", APP)
    assert node.reads > of_the_first


async def test_a_cancelled_caller_does_not_cancel_the_others_read() -> None:
    cards = ModelCards(RemoteFiles(CountingNode()))
    first, second = (asyncio.create_task(cards.card(DIGEST, SUBJECT)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == ModelCard()


@pytest.mark.parametrize(("size", "offered"), [(100, True), (MAX_EXAMPLE + 1, False)])
async def test_the_example_of_an_app_is_read_with_its_manifest_unless_it_is_large(size: int, offered: bool) -> None:
    files = {"main.py": b"pass", "example.bin": b"x" * size}
    entries = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(files.items())
    )
    inputs = InputSpec(files=FileSpec(example="example.bin"))
    manifest = Manifest(
        schema=SCHEMA_WITH_INPUTS,
        name="a",
        version="1",
        python="3.11",
        entrypoint=("main.py",),
        files=entries,
        inputs=inputs,
    )
    archive = pack({**files, MANIFEST: manifest.encode()})
    bundles = AppBundles(RemoteFiles(CountingNode(archive)))
    details = await bundles.details(f"/ipfs/{cid_of(to_digest(sha256(archive)))}", manifest.digest())
    assert details is not None
    assert details.example == (files["example.bin"] if offered else b"")
    assert example_name(details) == ("example.bin" if offered else "")


async def test_the_card_of_a_removed_file_is_shown_for_an_hour_at_most_and_not_after_it_is_forgotten() -> None:
    now, node = 0.0, CountingNode()
    cards = ModelCards(RemoteFiles(node), lambda: now)
    assert await cards.card(DIGEST, SUBJECT) is not None
    node.content = b""
    now = CARD_SECONDS - 1
    assert await cards.card(DIGEST, SUBJECT) is not None, "another visitor of the same hour"
    now = CARD_SECONDS
    assert await cards.card(DIGEST, SUBJECT) is None
    node.content = JUNK
    assert await cards.card(DIGEST, SUBJECT) is not None
    node.content = b""
    cards.forget(APP)
    assert await cards.card(DIGEST, SUBJECT) is not None
    cards.forget(DIGEST)
    assert await cards.card(DIGEST, SUBJECT) is None


async def test_the_oldest_read_leaves_a_full_cache() -> None:
    reads, made = SharedReads[int, int](2), list[int]()

    async def read(key: int) -> int:
        made.append(key)
        return key

    for key in (1, 2, 3, 2, 1):
        assert await reads.get(key, lambda key=key: read(key)) == key  # type: ignore[misc]
    assert made == [1, 2, 3, 1]
