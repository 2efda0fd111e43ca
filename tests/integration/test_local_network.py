"""``sealgrid.testing``: an app of the user's own runs through a whole network in this process."""

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

import sealgrid
from sealgrid.chain.node import Node
from sealgrid.testing import local_network
from sealgrid.testing.in_process import InProcessHttp
from sealgrid.wire.storage import PIECE_BYTES
from tests.e2e.running_network import descendants

pytestmark = [pytest.mark.chain, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]

APP = {
    "app.toml": 'name = "shout"\nversion = "1"\nentrypoint = ["main.py"]\n',
    "README.md": "# Shout\n",
    "main.py": """
import json, os, sys
from pathlib import Path

name, out = os.environ["IEXEC_INPUT_FILE_NAME_1"], Path(os.environ["IEXEC_OUT"])
text = Path(os.environ["IEXEC_INPUT_FILES_FOLDER"], name).read_text()
if not text:
    sys.exit("the text is empty")
(out / "result.json").write_text(json.dumps({"loud": text.upper()}))
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
""",
}


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def app_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shout")
    for name, content in APP.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture(scope="module")
def network():
    with local_network() as network:
        yield network


@pytest.fixture(scope="module")
def app(network, app_folder):
    return network.client("developer").apps.deploy(app_folder, price="0.1")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "howto" / page).read_text(), re.DOTALL)


@pytest.fixture
def word_count(tmp_path):
    """The app of another how-to, in the folder where the commands of this one run."""
    folder = tmp_path / "word_count"
    folder.mkdir()
    (folder / "app.toml").write_text(blocks("your-own-app.md", "toml")[0])
    (folder / "main.py").write_text(blocks("your-own-app.md", "python")[0])
    (folder / "README.md").write_text("# Count words\n")
    return tmp_path


def listening_ports() -> set[int]:
    """Return the TCP ports on which this process or one of its children listens."""
    inodes = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A":
                inodes[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    ports = set()
    for pid in {os.getpid(), *descendants(os.getpid())}:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            with suppress(OSError):  # closed meanwhile
                ports |= {inodes[target] for target in [os.readlink(descriptor)] if target in inodes}
    return ports


def test_an_app_of_ones_own_runs_and_its_receipt_verifies(network, app):
    buyer = network.client("requester")
    before = network.client("developer").account.balance().escrow
    run = buyer.run(app, files=[("letter.txt", b"hello")], max_price="5")
    assert run.result(timeout=60).json() == {"loud": "HELLO"}
    assert run.receipt.verify().ok
    assert network.client("developer").account.balance().escrow == before + sealgrid.Amount(10**8)


def test_an_app_that_fails_raises_its_own_last_line(network, app):
    with pytest.raises(sealgrid.AppFailed, match="the text is empty"):
        network.client().run(app, files=[("letter.txt", b"")]).result(timeout=60)


def test_a_run_needs_two_of_three_vaults(network, app):
    network.stop("vault-2")
    run = network.client().run(app, files=[("letter.txt", b"two of three")])
    assert run.result(timeout=60).json() == {"loud": "TWO OF THREE"}
    network.stop("vault-3")
    with pytest.raises(sealgrid.ServiceUnavailable):
        network.client().run(app, files=[("letter.txt", b"one of three")])
    network.start("vault-2")
    network.start("vault-3")


def test_a_task_that_no_machine_takes_is_refunded_after_its_deadline(network, app):
    network.stop("worker")
    run = network.client().run(app, files=[("letter.txt", b"in vain")])
    with pytest.raises(sealgrid.InputRefused):
        run.claim()
    network.advance(30 * 24 * 3600)
    assert run.claim() == "The requester was refunded."
    network.start("worker")


def test_a_run_without_a_tee_is_computed_by_workers_that_agree_and_pays_them(network, app):
    developer, buyer = network.client("developer"), network.client("requester")
    developer.apps.offer(app, price="0.2", uses=10, tee=False)
    with pytest.raises(sealgrid.TeeRequired, match="a secret"):
        buyer.run(app, files=[("letter.txt", b"public")], secrets={1: "x"}, tee=False)
    network.start("worker2")
    workers = [network.client(name) for name in ("worker", "worker2")]
    before = [worker.account.balance().escrow for worker in workers]
    run = buyer.run(app, files=[("letter.txt", b"public")], tee=False)
    assert run.result(timeout=60).json() == {"loud": "PUBLIC"}
    # Each gets half of the pool's 2 RLC, less 1 %; both have their stakes back.
    assert [worker.account.balance().escrow - each for worker, each in zip(workers, before, strict=True)] == [
        99 * 10**7
    ] * 2
    assert [worker.account.balance().locked for worker in workers] == [0, 0]
    with pytest.raises(sealgrid.InputRefused, match="no receipt"):
        run.receipt.content()
    network.stop("worker2")


def test_a_service_that_was_restarted_still_has_its_data(network, app):
    for service in ("market", "storage", "pool"):
        network.restart(service)
    assert app.address in {offer.address for offer in network.client().apps.list()}


def test_a_run_completes_while_a_storage_node_is_dead(network, app):
    network.stop("storage")
    run = network.client().run(app, files=[("letter.txt", b"one node")])
    assert run.result(timeout=60).json() == {"loud": "ONE NODE"}
    network.start("storage")
    assert run.receipt.verify().ok


def test_a_run_completes_although_a_storage_node_dies_in_the_middle_of_a_download(network, app, monkeypatch):
    request, died_at = InProcessHttp.handle_async_request, []

    async def die_at_the_second_piece(self, message):
        if message.url.host == "storage.sealgrid.test":
            piece = re.match(r"/files/[^/]+/(\d+)/", message.url.path)
            if piece and int(piece[1]) and not died_at:
                died_at.append(int(piece[1]))
            if died_at:
                raise httpx.ConnectError("the service stopped", request=message)
        return await request(self, message)

    monkeypatch.setattr(InProcessHttp, "handle_async_request", die_at_the_second_piece)
    text = b"a long letter " * 100_000
    run = network.client().run(app, files=[("letter.txt", text)])
    assert run.result(timeout=60).json() == {"loud": text.decode().upper()}
    assert died_at == [PIECE_BYTES]


def test_a_run_completes_while_a_storage_node_serves_other_bytes_and_it_is_named(network, app, caplog):
    for kept in ("storage/files", "worker/cache/files"):
        for file in Path(network.network.folder, kept).glob("*/*"):
            file.write_bytes(b"other bytes") if kept.startswith("storage") else file.unlink()
    run = network.client().run(app, files=[("letter.txt", b"a liar")])
    assert run.result(timeout=60).json() == {"loud": "A LIAR"}
    assert re.search(r"the storage node http://storage\.sealgrid\.test is avoided.* gave other content", caplog.text)


async def test_blocks_are_mined_on_demand(network):
    async with Node(network.network.rpc_url) as node:
        before = (await node.block()).number
        network.mine(3)
        assert (await node.block()).number == before + 3


def test_a_new_key_is_funded_by_its_client(network):
    client = network.client(sealgrid.SigningKey.generate())
    assert client.account.balance().wallet == 0
    assert client.account.fund("7").wallet == sealgrid.Amount(7 * 10**9)


def test_unknown_accounts_and_services_are_refused(network):
    with pytest.raises(sealgrid.InputRefused, match="no account 'nobody'"):
        network.client("nobody")
    with pytest.raises(sealgrid.InputRefused, match="no service 'vault-4'"):
        network.stop("vault-4")


def services() -> set[int]:
    """Return the processes of all networks but their enclaves: the first one's worker may start another meanwhile."""
    return {pid for pid in descendants(os.getpid()) if b"/runtime/boot.py" not in command_of(pid)}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


async def test_the_how_tos_asynchronous_network_runs_beside_the_first_without_ports_and_leaves_nothing(
    network, word_count, monkeypatch
):
    source = blocks("test-your-app.md", "python")[1].replace("print(asyncio.run(count()))", "")
    exec(source, scope := {})
    monkeypatch.chdir(word_count)
    ports, children = listening_ports(), services()
    with tempfile.TemporaryDirectory() as files:
        monkeypatch.setattr(tempfile, "tempdir", files)
        counting = asyncio.create_task(scope["count"]())
        opened: set[int] = set()
        while not counting.done():
            opened |= listening_ports() - ports
            await asyncio.wait({counting}, timeout=0.1)
        assert await counting == {"grid": 1}
        assert list(Path(files).iterdir()) == []
    assert len(opened) == 1  # its chain; the services need none
    assert int(network.network.rpc_url.rpartition(":")[2]) in ports
    assert (listening_ports(), services()) == (ports, children)


def test_a_network_warns_that_its_enclaves_are_simulated(network):
    assert "SIMULATED" in network.warning


def test_the_how_tos_test_file_passes(network, word_count, monkeypatch):
    monkeypatch.chdir(word_count)
    exec(blocks("test-your-app.md", "python")[0], scope := {})
    counter = network.client("developer").apps.deploy("word_count", price="0.1")
    tests = [each for name, each in scope.items() if name.startswith("test_")]
    assert len(tests) == 4
    for test in tests:
        test(network, counter)
