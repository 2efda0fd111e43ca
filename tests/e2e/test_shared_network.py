"""A network that others reach: no development account, no built-in wallet, no administration of the chain."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError, InputRefused
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.network_accounts import account_keys
from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.network import Network
from sealgrid.units import Address
from tests.e2e.running_network import SEALGRID, RunningNetwork, start_network, started
from tests.e2e.slurm_cluster import can_run_slurm, slurm_cluster
from tests.unit.wire.certificates import write_certificate

pytestmark = pytest.mark.localnet
ADDRESS = "127.0.0.2"
SLURM_SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "slurm" / "workers.sbatch"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("shared"), "--host", ADDRESS, stocked=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def public(shared: RunningNetwork) -> Network:
    reply = httpx.get(f"{shared.network.web_url}/network.json", trust_env=False)
    return msgspec.json.decode(reply.content, type=Network)


def urls_of(network: Network) -> list[str]:
    urls = [network.rpc_url, network.market_url, network.pool_url, network.web_url, network.sms_url, network.faucet_url]
    return [*urls, *network.storage_nodes, *(vault.url for vault in network.vaults)]


def test_the_public_file_names_the_address_everywhere_and_no_path(shared: RunningNetwork, public: Network):
    assert {urlsplit(url).hostname for url in urls_of(public)} == {ADDRESS}
    assert (public.folder, public.platform_url) == ("", "")
    assert str(shared.layout.root) not in msgspec.json.encode(public).decode()


def test_anvil_and_the_platform_answer_on_loopback_only(shared: RunningNetwork, public: Network):
    for url in (shared.network.rpc_url, shared.network.platform_url):
        assert urlsplit(url).hostname == "127.0.0.1"
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"http://{ADDRESS}:{urlsplit(url).port}/", trust_env=False)
    assert urlsplit(public.rpc_url).port != urlsplit(shared.network.rpc_url).port


async def test_no_development_account_has_money_or_power(shared: RunningNetwork, public: Network):
    private = {account_keys(shared.layout)(name).address for name in ("admin", "pool", "worker", "owner")}
    async with Node(public.rpc_url) as node:
        hub = Hub(node, public.hub)
        for key in map(development_key, NAMES):
            assert key.address not in private
            assert int(await node.rpc("eth_getBalance", key.address, "latest"), 16) == 0
            assert await hub.wallet_balance(key.address) == (await hub.account(key.address)).stake == 0


async def test_the_chain_has_no_administration_at_its_public_address(public: Network):
    async with Node(public.rpc_url) as node:
        for method in ("anvil_setBalance", "evm_mine", "eth_accounts", "eth_sendTransaction", "debug_traceTransaction"):
            with pytest.raises(ChainError, match="does not exist"):
                await node.rpc(method)


async def test_the_pages_have_no_built_in_wallet(public: Network):
    async with httpx.AsyncClient(base_url=public.web_url, trust_env=False, timeout=60) as browser:
        assert (await browser.get("/")).status_code == 200
        page = (await browser.get("/account")).text
        assert "requester2" not in page
        refused = await browser.post("/account/use", data={"name": "owner"}, headers={"origin": public.web_url})
        assert "sealgrid_account=owner" not in refused.headers.get("set-cookie", "")
        shown = await browser.get("/account", headers={"cookie": "sealgrid_account=owner"})
        assert shown.status_code == 200
        assert development_key("owner").address not in shown.text


async def test_a_development_account_is_refused_as_on_any_public_network(public: Network, tmp_path):
    with pytest.raises(InputRefused, match="the key of 'owner' is public"):
        async with connect_async("owner", network=public, data=tmp_path):
            pass


async def test_a_stranger_gets_test_money_and_buys_a_run_of_what_the_network_offers(public: Network, tmp_path):
    async with connect_async(SigningKey.generate(), network=public, data=tmp_path) as me:
        assert str((await me.account.fund("50")).wallet) == "50 RLC"
        await me.account.deposit("20")
        await has_offer(me)
        run = await me.run("hash-file", files=[("greeting.txt", b"hello")])
        (file,) = (await run.result()).json()["files"]
    assert file == {"name": "greeting.txt", "sha256": sha256(b"hello").hex()}


async def has_offer(me: AsyncClient) -> None:
    """Wait until the network has put its goods on offer, which it does after it is ready."""
    async with asyncio.timeout(120):
        while not any(offer.name == "hash-file" for offer in await me.apps.list()):
            await asyncio.sleep(0.5)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_fleets_machine_joins_and_earns_for_its_account_and_the_owner_collects(
    shared: RunningNetwork, public: Network, tmp_path
):
    network, invitation, machine = (tmp_path / name for name in ("network.json", "invitation", "machine"))
    network.write_bytes(msgspec.json.encode(public))
    invitation.write_text(sealgrid("pool", "invite", "--home", str(shared.layout.root)))
    async with (
        connect_async(SigningKey.generate(), network=public, data=tmp_path / "owner") as owner,
        connect_async(SigningKey.generate(), network=public, data=tmp_path / "buyer") as buyer,
    ):
        await owner.account.fund("1")
        await buyer.account.fund("50")
        await buyer.account.deposit("20")
        await has_offer(buyer)
        account = await owner.fleets.create()
        start = ("worker", "start", "--network", str(network), "--home", str(machine), "--account", account)
        refused = subprocess.run([SEALGRID, *start], capture_output=True, text=True, check=False, timeout=120)
        assert refused.stdout.startswith("worker "), refused.stderr
        worker = refused.stdout.split()[1]
        assert f"sealgrid worker account delegate {account} {worker}" in refused.stderr
        await owner.fleets.delegate(account, worker, until=2**40)
        with started(*start, "--invitation", invitation, until=b"ready:"):
            bag = await buyer.map("hash-file", [b"1", b"2", b"3"])  # the network's own worker takes one at a time
            found = [each.json()["files"][0]["sha256"] async for each in bag.results()]
        assert found == [sha256(each).hex() for each in (b"1", b"2", b"3")]
        fleet = await owner.fleets.get(account)
        assert [each.worker for each in fleet.machines] == [worker]
        assert fleet.escrow > 0
        assert await owner.fleets.collect(account) == fleet.escrow
        assert (await owner.account.balance()).wallet >= fleet.escrow
    async with Node(public.rpc_url) as node:
        assert int(await node.rpc("eth_getBalance", worker, "latest"), 16) == 0, "the pool paid the gas"
        assert (await Hub(node, public.hub).account(Address(worker))).stake == 0


@pytest.mark.long
@pytest.mark.skipif(not can_run_slurm(), reason="a Slurm node needs root, and Debian's Slurm")
async def test_workers_of_a_cluster_join_run_jobs_and_drain_when_slurm_ends_them(
    shared: RunningNetwork, public: Network, tmp_path
):
    data, workers, network = ("--home", str(shared.layout.root)), tmp_path / "workers", tmp_path / "network.json"
    workers.mkdir()
    network.write_bytes(msgspec.json.encode(public))
    for number in range(2):
        (workers / f"invitation-{number}.json").write_text(sealgrid("pool", "invite", *data))
    sealgrid("pool", "remove", account_keys(shared.layout)("worker").address, *data)  # the jobs are left to the cluster
    settings = {"SEALGRID": SEALGRID, "SEALGRID_NETWORK": str(network), "SEALGRID_WORKERS": str(workers)}
    with slurm_cluster(tmp_path) as cluster:
        job = cluster.submit(
            SLURM_SCRIPT, "--array=0-1", f"--output={workers}/log-%a", f"--chdir={workers}", environment=settings
        )
        async with connect_async(SigningKey.generate(), network=public, data=tmp_path / "me") as me:
            await me.account.fund("50")
            await me.account.deposit("20")
            runs = [await me.run("hash-file", files=[("greeting.txt", str(n).encode())]) for n in range(2)]
            digests = [(await run.result()).json()["files"][0]["sha256"] for run in runs]
        assert digests == [sha256(str(n).encode()).hex() for n in range(2)]
        cluster.terminate(job)
        async with asyncio.timeout(60):
            while cluster.states(job) != ["COMPLETED", "COMPLETED"]:
                await asyncio.sleep(0.2)
    logs = [(workers / f"log-{number}").read_text() for number in range(2)]
    assert [log.count("ready:") for log in logs] == [1, 1]
    assert sum(log.count(run.task) for log in logs for run in runs) >= 2


def sealgrid(*words: str) -> str:
    done = subprocess.run([SEALGRID, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_with_a_certificate_everything_is_reached_by_tls(tmp_path):
    certificate, key = write_certificate(tmp_path, ADDRESS)
    pair = ("--certificate", str(certificate), "--certificate-key", str(key))
    running = start_network(tmp_path / "data", "--host", ADDRESS, *pair)
    try:
        url = running.network.web_url
        assert url.startswith(f"https://{ADDRESS}:")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url, trust_env=False)
        reply = httpx.get(f"{url}/network.json", verify=ssl.create_default_context(cafile=certificate), trust_env=False)
        public = msgspec.json.decode(reply.content, type=Network)
        assert {urlsplit(each).scheme for each in urls_of(public)} == {"https"}
    finally:
        running.stop()


def test_a_network_with_development_accounts_is_not_shared_later(tmp_path):
    foundation = Layout(tmp_path).foundation
    foundation.parent.mkdir()
    foundation.write_bytes(b"{}")
    words = [SEALGRID, "up", "--home", str(tmp_path), "--host", ADDRESS]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"the network in {tmp_path} has development accounts, whose keys are public" in ended.stderr
