"""Files on several storage nodes, of which some lose or alter them."""

from pathlib import Path

import pytest

from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ServiceUnavailable, StoreFull
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.node_health import OTHER_BYTES_SECONDS, NodeHealth
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from tests.unit.storage.file_scene import DeadNode, LyingNode, StoredInfo, digest


class CountedNode(LyingNode):
    """Counts its requests."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, url="http://counted.example")
        self.requests = 0
        self.offsets: list[int] = []

    async def head(self, sha256: Digest) -> StoredInfo:
        self.requests += 1
        return await super().head(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.requests += 1
        self.offsets.append(offset)
        return await super().read(sha256, offset, length)


async def test_a_node_that_stops_early_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="stopped at byte 5 of 9"):
        await RemoteFiles(LyingNode(b"model", size=9)).get_bytes(digest(b"model.zip"), 100)


async def test_a_node_that_stored_something_else_is_refused() -> None:
    with pytest.raises(ContentDiffers):
        await RemoteFiles(LyingNode(b"other")).put_bytes(b"model")


class GoneNode(LyingNode):
    """A node that lost every file."""

    async def head(self, sha256: Digest) -> StoredInfo:
        raise NotFound("gone.")

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        raise NotFound("gone.")


@pytest.mark.parametrize("first", [GoneNode(b""), LyingNode(b"medal")])
async def test_what_one_node_lost_or_altered_is_read_from_another(tmp_path: Path, first: LyingNode) -> None:
    files = RemoteFiles(first, LyingNode(b"model"))
    assert await files.get_bytes(digest(b"model"), 100) == b"model"
    assert await files.get_file(digest(b"model"), tmp_path / "out") == 5
    with pytest.raises((NotFound, ContentDiffers)):
        await RemoteFiles(first, first).get_bytes(digest(b"model"), 100)


async def test_a_file_is_stored_at_every_node() -> None:
    nodes = LyingNode(b"model"), LyingNode(b"model")
    await RemoteFiles(*nodes).put_bytes(b"model")
    assert [node.largest for node in nodes] == [5, 5]


@pytest.mark.parametrize("failing", [DeadNode(b"model"), DeadNode(b"model", 1), LyingNode(b"medal")])
async def test_of_several_nodes_one_may_fail_to_store_a_file_and_is_named(
    failing: LyingNode, caplog: pytest.LogCaptureFixture
) -> None:
    other = LyingNode(b"model")
    assert await RemoteFiles(failing, other, pauses=(0, 0)).put_bytes(b"model") == digest(b"model")
    assert other.largest == 5
    assert f"the storage node {failing.url} stores no copy of a file" in caplog.text


class FullNode(LyingNode):
    """A node without room."""

    async def begin(self, size: int) -> str:
        raise StoreFull("this store is full.")


@pytest.mark.parametrize(
    ("failing", "silent"), [(DeadNode(b"model"), 1), (DeadNode(b"model", 1), 1), (FullNode(b""), 0)]
)
async def test_a_node_that_does_not_answer_an_upload_is_silent_and_a_full_one_is_not(
    failing: LyingNode, silent: int
) -> None:
    files = RemoteFiles(failing, LyingNode(b"model"), pauses=())
    await files.put_bytes(b"model")
    assert files.health.faults() == {"other_bytes": 0, "silent": silent}
    assert files.health.is_avoided(failing.url) == bool(silent)


@pytest.mark.parametrize("nodes", [(DeadNode(b""),), (DeadNode(b""), DeadNode(b"")), (DeadNode(b""), LyingNode(b""))])
async def test_an_upload_fails_with_its_only_node_or_with_two(nodes: tuple[LyingNode, ...]) -> None:
    with pytest.raises((ServiceUnavailable, ContentDiffers)):
        await RemoteFiles(*nodes, pauses=()).put_bytes(b"model")


async def test_where_a_node_dies_the_next_one_goes_on_at_the_same_byte(tmp_path: Path) -> None:
    content = bytes(PIECE_BYTES) + b"x" * PIECE_BYTES + b"end"
    dies, lives = DeadNode(content, answers=2), CountedNode(content)
    assert await RemoteFiles(dies, lives).get_file(digest(content), tmp_path / "out") == len(content)
    assert (tmp_path / "out").read_bytes() == content
    assert (dies.asked, lives.offsets) == (3, [PIECE_BYTES, 2 * PIECE_BYTES])


async def test_a_node_that_gave_other_bytes_is_named_and_avoided(caplog: pytest.LogCaptureFixture) -> None:
    seconds = [0.0]
    liar, honest = CountedNode(b"medal"), CountedNode(b"model")
    liar.url, honest.url = "http://liar.example", "http://honest.example"
    files = RemoteFiles(liar, honest, health=NodeHealth(lambda: seconds[0]))
    for _ in range(3):
        assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert "http://liar.example is avoided for 10 minutes" in caplog.text
    assert digest(b"model") in caplog.text
    first = liar.requests
    assert files.health.faults() == {"other_bytes": 1, "silent": 0}
    seconds[0] = OTHER_BYTES_SECONDS
    await files.get_bytes(digest(b"model"), 5)
    assert liar.requests > first, "it is asked again after the time"


async def test_a_liar_that_goes_on_after_a_dead_node_is_found(tmp_path: Path) -> None:
    """The digest of a file from two nodes does not tell which one lied: each is read alone."""
    content = bytes(PIECE_BYTES) + b"end"
    dies, liar, honest = DeadNode(content, answers=2), LyingNode(bytes(PIECE_BYTES) + b"eve"), LyingNode(content)
    honest.url = "http://honest.example"
    files = RemoteFiles(dies, liar, honest)
    assert await files.get_file(digest(content), tmp_path / "out") == len(content)
    assert files.health.faults()["other_bytes"] == 1
    assert files.health.is_avoided(liar.url)
    assert not files.health.is_avoided(honest.url)


async def test_a_size_that_a_node_invents_hides_no_other_copy(tmp_path: Path) -> None:
    files = RemoteFiles(LyingNode(b"model", size=PIECE_BYTES + 9), LyingNode(b"model", url="http://honest.example"))
    assert await files.get_file(digest(b"model"), tmp_path / "out") == 5


async def test_a_liar_that_gives_too_much_hides_no_other_copy() -> None:
    files = RemoteFiles(LyingNode(b"model and more"), LyingNode(b"model", url="http://honest.example"))
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    with pytest.raises(InputRefused, match="limit"):
        await RemoteFiles(LyingNode(b"model"), LyingNode(b"model")).get_bytes(digest(b"model"), 4)


async def test_a_dead_node_is_the_error_where_the_others_lack_the_file() -> None:
    with pytest.raises(ServiceUnavailable):
        await RemoteFiles(GoneNode(b""), DeadNode(b"")).size(digest(b"model"))


async def test_files_travel_in_pieces(tmp_path: Path) -> None:
    content = bytes(3 * PIECE_BYTES + 1)
    node = LyingNode(content)
    (tmp_path / "in").write_bytes(content)
    await RemoteFiles(node).put_file(tmp_path / "in")
    await RemoteFiles(node).get_file(digest(content), tmp_path / "out")
    assert node.largest == PIECE_BYTES


async def test_a_small_file_takes_one_request() -> None:
    node = CountedNode(b"model")
    assert await RemoteFiles(node).get_bytes(digest(b"model"), 5) == b"model"
    assert node.requests == 1
    with pytest.raises(InputRefused, match="limit"):
        await RemoteFiles(node).get_bytes(digest(b"model"), 4)
