"""settle.5 in a network with two storage nodes: a result that one of them lacks gets no verdict; one may be dead."""

from pathlib import Path

import pytest

from sealgrid.errors import ReleaseRefused, ServiceUnavailable
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.units import Digest, to_digest
from sealgrid.vault.handlers.settled_files import AllStorageNodes, fetch_settled

FILE = to_digest(bytes(32))


@pytest.fixture
def nodes(tmp_path: Path) -> tuple[LocalFiles, LocalFiles]:
    return LocalFiles(ContentFolder(tmp_path / "one")), LocalFiles(ContentFolder(tmp_path / "two"))


async def test_a_result_at_both_nodes_is_where_everyone_can_get_it(nodes: tuple[LocalFiles, LocalFiles]) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    assert await fetch_settled(AllStorageNodes(nodes), sealed, receipt, output_bytes=100) == b"receipt"


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("what", ["sealed", "receipt"])
async def test_a_result_that_one_node_lacks_gets_no_verdict(
    nodes: tuple[LocalFiles, LocalFiles], lacking: int, what: str
) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    nodes[lacking].folder.remove({"sealed": sealed, "receipt": receipt}[what])
    with pytest.raises(ReleaseRefused) as refused:
        await fetch_settled(AllStorageNodes(nodes), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


@pytest.mark.parametrize("spoilt", [0, 1])
async def test_a_result_that_one_node_altered_gets_no_verdict(
    nodes: tuple[LocalFiles, LocalFiles], spoilt: int
) -> None:
    for node in nodes:
        sealed, receipt = await node.put_bytes(b"sealed"), await node.put_bytes(b"receipt")
    nodes[spoilt].folder.path(sealed).write_bytes(b"leased")
    with pytest.raises(ReleaseRefused) as refused:
        await fetch_settled(AllStorageNodes(nodes), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


class DeadNode:
    """A node that does not answer."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        raise ServiceUnavailable("it does not answer.")

    async def verify(self, sha256: Digest, limit: int) -> None:
        raise ServiceUnavailable("it does not answer.")


async def test_of_two_nodes_one_may_be_dead(nodes: tuple[LocalFiles, LocalFiles]) -> None:
    sealed, receipt = await nodes[0].put_bytes(b"sealed"), await nodes[0].put_bytes(b"receipt")
    files = AllStorageNodes([DeadNode(), nodes[0]])
    assert await fetch_settled(files, sealed, receipt, output_bytes=100) == b"receipt"


async def test_a_dead_node_excuses_no_node_that_lacks_the_result(nodes: tuple[LocalFiles, LocalFiles]) -> None:
    sealed, receipt = await nodes[0].put_bytes(b"sealed"), await nodes[0].put_bytes(b"receipt")
    with pytest.raises(ReleaseRefused) as refused:
        await fetch_settled(AllStorageNodes([DeadNode(), *nodes]), sealed, receipt, output_bytes=100)
    assert refused.value.check == "settle.5"


@pytest.mark.parametrize("count", [1, 2])
async def test_without_a_node_that_answers_there_is_no_verdict_yet(count: int) -> None:
    with pytest.raises(ServiceUnavailable):
        await fetch_settled(AllStorageNodes([DeadNode()] * count), FILE, FILE, output_bytes=100)
