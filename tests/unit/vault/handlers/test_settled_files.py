"""settle.5 in a network with two storage nodes: a result that one of them lacks gets no verdict."""

from pathlib import Path

import pytest

from sealgrid.errors import ReleaseRefused
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.vault.handlers.settled_files import AllStorageNodes, fetch_settled


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
