"""A network with two storage nodes: both store each result, and one operator alone cannot remove it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from attacks.scene import HASHER
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Digest, to_digest
from sealgrid.wire.chain_view import ChainViewClient, FileAddresses
from sealgrid.wire.http_transport import HttpTransport
from tests.e2e.running_network import RunningNetwork, start_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("two-stores"), "--storages", "2")
    yield running
    running.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def requester(network: RunningNetwork) -> AsyncIterator[Connection]:
    async with connect(network.network, development_key("requester")) as conn:
        yield conn


async def test_a_result_opens_after_one_node_removed_all_its_files(
    network: RunningNetwork, requester: Connection
) -> None:
    """A storage operator removes a paid result."""
    app = await deploy.deploy(requester, HASHER)
    job = await buy.run(requester, RunRequest(app.address, files=[("private", b"private")]))
    async with asyncio.timeout(120):
        await follow(requester, job)
    removed = list((network.layout.part("storage") / "files").glob("*/*"))
    for file in removed:
        file.unlink()
    settled = parse_envelope(await fetch_receipt.fetch_receipt(requester, job.task)).settle
    assert settled.sealed_sha256 in {f"0x{file.name}" for file in removed}
    assert (await open_result.open_result(requester, settled, job.result_key)).exit == 0


async def test_a_node_that_lost_its_disk_gets_its_files_again_from_the_other_one(
    network: RunningNetwork, requester: Connection
) -> None:
    await deploy.deploy(requester, HASHER)
    folder = network.layout.part("storage") / "files"
    lost = {file.name: file.read_bytes() for file in folder.glob("*/*")}
    assert lost
    for name in lost:
        (folder / name[:2] / name).unlink()
    process = network.part("storage")
    assert process is not None
    os.kill(process, signal.SIGKILL)  # the network starts it again
    async with asyncio.timeout(120):
        while not all((folder / name[:2] / name).is_file() for name in lost):
            await asyncio.sleep(0.1)
    assert all((folder / name[:2] / name).read_bytes() == content for name, content in lost.items())


async def test_the_node_learns_from_the_chain_which_files_it_names(requester: Connection) -> None:
    content, other = os.urandom(100), os.urandom(100)
    async with httpx.AsyncClient(base_url=requester.network.storage_url) as http:
        cids = [
            (await http.post("/api/v0/add", files={"file": ("x", each)})).json()["Hash"] for each in (content, other)
        ]
    await Assets(requester.hub).create_dataset(
        requester.wallet, name="by iExec's client", multiaddr=f"/ipfs/{cids[0]}", checksum=to_digest(bytes(32))
    )
    bundle = to_digest(sha256(os.urandom(9)))
    await Assets(requester.hub).create_app(
        requester.wallet, name="an app", multiaddr=f"/ipfs/{cid_of(bundle)}", checksum=to_digest(os.urandom(32))
    )
    files = [to_digest(sha256(each)) for each in (content, other)]
    question = (
        FileAddresses(sha256=files[0], cids=(cids[0],)),
        FileAddresses(sha256=files[1], cids=(cids[1],)),
        FileAddresses(sha256=bundle, cids=(cid_of(bundle),)),
    )
    async with HttpTransport(requester.network.web_url) as web, asyncio.timeout(60):
        named: frozenset[Digest] = frozenset()
        while len(named) < 2:  # the index follows the chain with a short delay
            await asyncio.sleep(0.1)
            named = await ChainViewClient(web).named(question)
    assert named == {files[0], bundle}
