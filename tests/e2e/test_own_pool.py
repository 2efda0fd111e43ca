"""A second person opens a pool on a network of others, sells computing, and runs a task on a machine of their own."""

import asyncio
import re
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from sealgrid.chain.accounts import development_key
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.machine.pool_file import read_pool
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.shipped_apps import app_folder
from sealgrid.units import Address
from tests.e2e.running_network import started
from tests.e2e.shell import Shell

pytestmark = pytest.mark.localnet
RLC = 10**9  #: nRLC


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(people) -> str:
    """An app that the pools of the network's group may run."""
    return (await deploy.deploy(people.developer, app_folder("hash_file"))).address


def test_a_second_persons_pool_runs_a_task_by_its_own_worker(localnet, app: str, tmp_path: Path):
    shell, config = Shell(tmp_path, localnet.layout.root), tmp_path / "own" / "pool.toml"
    printed = shell.output("pool", "init", config, "--price", "1", "--tasks", "5", "--yes")
    assert re.search(r"^gas +0\.\d+ ether to register it", printed, re.MULTILINE)
    assert "stake    1.5 RLC while 5 tasks are open" in printed
    port = free_port()
    worker, text = development_key("worker2").address, config.read_text()
    config.write_text(text.replace("8560", str(port)).replace("workers = []", f'workers = ["{worker}"]'))
    pool = read_pool(config)

    with (
        started("pool", "run", config, until=b"ready at"),
        started(
            *("worker", "run", "worker2", "--pool", pool.network.pool_url, "--home", localnet.layout.root),
            until=b"requests jobs",
        ),
    ):
        assert "admitted" in shell.output("pool", "admit", pool.file.workerpool)
        shell.output("pool", "offer", "--config", config, "--price", "1", "--tasks", "5")
        (tmp_path / "letter.txt").write_text("dear alice")
        before = asyncio.run(escrows(localnet.network, worker, pool.key.address))
        words = ("run", app, "--file", tmp_path / "letter.txt", "--pool", pool.file.workerpool)
        shell.output(*words, "--out", tmp_path / "answer")
        assert "cancelled offers: 1; open tasks: 0" in shell.output("pool", "drain", config)
    after = asyncio.run(escrows(localnet.network, worker, pool.key.address))
    assert [now - then for now, then in zip(after, before, strict=True)] == [RLC * 99 // 100, RLC // 100]


async def escrows(network: Network, *accounts: Address) -> list[int]:
    """Return what is free in the escrow of each account, in nRLC."""
    async with Node(*network.identity.rpc_urls) as node:
        return [(await Hub(node, network.hub).account(each)).stake for each in accounts]


@pytest.mark.long
def test_a_second_person_runs_a_market_a_storage_node_and_pages_for_the_network(localnet, tmp_path: Path):
    shell, network = Shell(tmp_path, localnet.layout.root), localnet.network
    with ExitStack() as stack:
        urls = {}
        for name, port in zip(("market", "storage", "web"), (8561, 8562, 8563), strict=True):
            config = tmp_path / name / "CONFIG.toml"
            assert f"sealgrid {name} run" in shell.output(name, "init", config)
            own = free_port()
            config.write_text(config.read_text().replace(f"port = {port}", f"port = {own}"))
            stack.enter_context(started(name, "run", config, until=b"ready at"))
            urls[name] = f"http://127.0.0.1:{own}"
        chain = {"chainId": str(network.chain)}
        counted = httpx.get(f"{urls['market']}/metrics", params=chain, trust_env=False).json()
        known = httpx.get(f"{network.market_url}/metrics", params=chain, trust_env=False).json()
        assert (counted["ok"], counted["lastBlock"] >= known["lastBlock"] - 2) == (True, True)
        assert httpx.get(f"{urls['storage']}/clock", trust_env=False).status_code == httpx.codes.OK
        page = httpx.get(f"{urls['web']}/compute", trust_env=False)
        assert (page.status_code, "acting as" in page.text) == (httpx.codes.OK, False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
