"""A local network starts with one command, keeps its data, and leaves no process behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.chain.accounts import development_key
from sealgrid.localnet.layout import CHAIN, Layout
from sealgrid.localnet.supervisor import running
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import load_network
from sealgrid.sdk.operations import deploy
from tests.e2e.running_network import SEALGRID, descendants, gone, name_of, start_network

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.localnet


def test_ctrl_c_ends_every_process_and_keeps_the_data(tmp_path):
    started = start_network(tmp_path)
    parts = descendants(started.process.pid)
    assert len(parts) >= 9  # chain, anvil, storage, platform, three vaults, market, pool, worker
    started.process.send_signal(signal.SIGINT)
    _, printed = started.process.communicate(timeout=30)
    assert gone(parts)
    assert started.process.returncode == 0
    assert b"data stays" in printed
    assert Layout(tmp_path).chain_state.exists()
    assert not Layout(tmp_path).network.exists()


def test_a_killed_supervisor_takes_every_process_with_it(tmp_path):
    started = start_network(tmp_path)
    parts = descendants(started.process.pid)
    started.process.kill()
    started.process.communicate(timeout=30)
    assert gone(parts)
    deadline = time.monotonic() + 30  # the kernel may close the files of an ended process a moment later
    while running(Layout(tmp_path)) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
async def test_a_restart_keeps_deployed_apps_and_a_wipe_removes_them(tmp_path):
    first = start_network(tmp_path)
    async with connect(first.network, development_key("developer")) as developer:
        app = await deploy.deploy(developer, ROOT / "src/sealgrid/shipped_apps" / "hash_file", price=11)
        block = (await developer.node.block()).number
    genesis = first.network.genesis
    first.stop()
    second = start_network(tmp_path)
    assert (second.network.genesis, second.network.python) == (genesis, running_python())
    async with connect(second.network, development_key("developer")) as developer:
        assert (await developer.node.block()).number >= block
        orders = await developer.market.orders("apporders", app=app.address, workerpool="any", grouped="true")
        assert [(order.order["appprice"], order.left_of_offer) for order in orders] == [(11, 1_000_000)]
    second.stop()
    expect_refused_with_another_python(Layout(tmp_path))
    down = subprocess.run(
        [SEALGRID, "down", "--wipe", "--home", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "removed" in down.stderr
    assert not tmp_path.exists()


def expect_refused_with_another_python(layout: Layout) -> None:
    """Assert that a network for another Python does not start and prints both versions."""
    foundation = layout.part(CHAIN) / "foundation.json"
    foundation.write_text(foundation.read_text().replace(f'"python":"{running_python()}"', '"python":"3.10"'))
    up = subprocess.run(
        [SEALGRID, "up", "--port", "0", "--home", str(layout.root)], capture_output=True, text=True, check=False
    )
    assert up.returncode == 1
    assert f"this network runs apps on Python 3.10, and this is {running_python()}" in up.stderr
    assert "Traceback" not in up.stderr


@pytest.mark.long
def test_down_stops_a_detached_network_and_prints_that_the_data_stays(tmp_path):
    up = subprocess.run(
        [SEALGRID, "up", "--detach", "--port", "0", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "ready in" in up.stderr
    assert "shop is empty" not in up.stderr
    assert Layout(tmp_path).part(CHAIN).joinpath("shop.json").exists()  # it returned when the shop was filled
    pid = running(Layout(tmp_path))
    assert pid is not None
    parts = descendants(pid) | {pid}
    try:
        network = load_network(Layout(tmp_path).network)
        assert network.allow_simulated
    finally:
        down = subprocess.run([SEALGRID, "down", "--home", str(tmp_path)], capture_output=True, text=True, check=True)
    assert "the data stays in" in down.stderr
    assert gone(parts)


def test_a_second_network_in_the_same_folder_is_refused_in_one_line(localnet):
    folder = str(localnet.layout.root)
    again = subprocess.run(
        [SEALGRID, "up", "--port", "0", "--home", folder], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "running in this folder already" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_taken_port_is_named_in_one_line(tmp_path, localnet):
    port = localnet.network.rpc_url.rpartition(":")[2]
    taken = subprocess.run(
        [SEALGRID, "up", "--port", port, "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert taken.returncode == 1
    assert f"port {port} is taken" in taken.stderr
    assert "Traceback" not in taken.stderr


def test_the_storage_node_and_the_platform_never_import_the_chains_library(localnet):
    supervisor = localnet.process.pid
    light = [pid for pid in descendants(supervisor) if name_of(pid) in {"sg-storage", "sg-platform"}]
    assert len(light) == 2
    for pid in light:
        assert "coincurve" in maps_of(pid) or name_of(pid) == "sg-storage"
        assert "/aiohttp/" not in maps_of(pid)  # web3's compiled dependency


def maps_of(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


HOLDS_A_NETWORK = """
import sys, time
from pathlib import Path
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.network_context import network
with network(Layout(Path(sys.argv[1]))):
    print("up", flush=True)
    time.sleep(600)
"""


def test_a_network_ends_with_the_program_that_started_it_even_when_that_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDS_A_NETWORK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        parts = descendants(holder.pid)
        assert len(parts) >= 10
        holder.kill()
    assert gone(parts)
    assert running(Layout(tmp_path)) is None
