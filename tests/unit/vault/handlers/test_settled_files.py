"""settle.5 in a network with several storage nodes, of which one lacks a result, alters it, or does not answer."""

from pathlib import Path

import pytest

from sealgrid.errors import (
    InputRefused,
    ReleaseRefused,
    SealgridError,
    ServiceUnavailable,
    StoreFull,
    TooManyRequests,
)
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest, to_digest
from sealgrid.vault.handlers.settled_files import AllStorageNodes, VerifiedReads, fetch_settled
from tests.unit.storage.file_scene import LyingNode, StoredInfo

Nodes = tuple[LocalFiles, LocalFiles]
FILE = to_digest(bytes(32))


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return LocalFiles(ContentFolder(tmp_path / "one")), LocalFiles(ContentFolder(tmp_path / "two"))


def named(*nodes: VerifiedReads) -> AllStorageNodes:
    return AllStorageNodes({f"http://{number}.example": node for number, node in enumerate(nodes, start=1)})


async def test_a_result_at_both_nodes_is_where_everyone_can_get_it(nodes: Nodes) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    assert await fetch_settled(named(*nodes), sealed, receipt, output_bytes=100) == b"receipt"


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("what", ["sealed", "receipt"])
async def test_a_result_that_one_node_lacks_gets_no_verdict(nodes: Nodes, lacking: int, what: str) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    nodes[lacking].folder.remove({"sealed": sealed, "receipt": receipt}[what])
    with pytest.raises(ReleaseRefused, match=f"http://{lacking + 1}.example") as refused:
        await fetch_settled(named(*nodes), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


@pytest.mark.parametrize("spoilt", [0, 1])
async def test_a_result_that_one_node_altered_gets_no_verdict(nodes: Nodes, spoilt: int) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    nodes[spoilt].folder.path(sealed).write_bytes(b"leased")
    with pytest.raises(ReleaseRefused, match=f"http://{spoilt + 1}.example") as refused:
        await fetch_settled(named(*nodes), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


@pytest.fixture
def third(tmp_path: Path) -> LocalFiles:
    return LocalFiles(ContentFolder(tmp_path / "three"))


@pytest.mark.parametrize("stored", [None, b"leased"], ids=["a full node", "a liar"])
async def test_of_three_nodes_one_may_lack_or_alter_the_result(
    nodes: Nodes, third: LocalFiles, stored: bytes | None
) -> None:
    for node in (*nodes, third):
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    for digest in (sealed, receipt):
        if stored is None:
            third.folder.remove(digest)
        else:
            third.folder.path(digest).write_bytes(stored)
    assert await fetch_settled(named(third, *nodes), sealed, receipt, output_bytes=100) == b"receipt"
    with pytest.raises(ReleaseRefused, match=r"http://1\.example") as refused:
        await fetch_settled(named(third, nodes[0]), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"
    with pytest.raises(ReleaseRefused):
        await fetch_settled(named(third, DeadNode(), nodes[0]), sealed, receipt, output_bytes=100)


@pytest.mark.parametrize("error", [InputRefused("HTTP status 403"), StoreFull("full."), TooManyRequests("later.")])
async def test_a_node_that_refuses_to_be_read_does_not_stop_payments(nodes: Nodes, error: SealgridError) -> None:
    class RefusingNode(LyingNode):
        async def head(self, sha256: Digest) -> StoredInfo:
            raise error

        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            raise error

    sealed, receipt = await nodes[0].put_bytes(b"sealed"), await nodes[0].put_bytes(b"receipt")
    files = named(RemoteFiles(RefusingNode(b"")), nodes[0])
    assert await fetch_settled(files, sealed, receipt, output_bytes=100) == b"receipt"


class DeadNode:
    """A node that does not answer."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        raise ServiceUnavailable("it does not answer.")

    async def verify(self, sha256: Digest, limit: int) -> None:
        raise ServiceUnavailable("it does not answer.")


async def test_of_two_nodes_one_may_be_dead(nodes: Nodes) -> None:
    sealed, receipt = await nodes[0].put_bytes(b"sealed"), await nodes[0].put_bytes(b"receipt")
    files = named(DeadNode(), nodes[0])
    assert await fetch_settled(files, sealed, receipt, output_bytes=100) == b"receipt"


async def test_a_dead_node_excuses_no_node_that_lacks_the_result(nodes: Nodes) -> None:
    sealed, receipt = await nodes[0].put_bytes(b"sealed"), await nodes[0].put_bytes(b"receipt")
    with pytest.raises(ReleaseRefused) as refused:
        await fetch_settled(named(DeadNode(), *nodes), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


@pytest.mark.parametrize("count", [1, 2])
async def test_without_a_node_that_answers_there_is_no_verdict_yet(count: int) -> None:
    with pytest.raises(ServiceUnavailable):
        await fetch_settled(named(*[DeadNode()] * count), FILE, FILE, output_bytes=100)
