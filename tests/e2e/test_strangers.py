"""Three strangers with nothing but the wheel: one runs a network, one a worker; one, behind NAT, buys and works."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.localnet.layout import WORKER, Layout
from sealgrid.localnet.network_accounts import account_keys
from sealgrid.sdk.network import fingerprint, load_network
from tests.e2e.machines import HIDDEN_IP, ROUTER_IP, SERVER_IP, Machine, can_make_machines, three_machines
from tests.e2e.running_network import SEALGRID
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = [
    pytest.mark.long,
    pytest.mark.localnet,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_make_machines(), reason="machines of a test need root, network namespaces and nftables"),
]
PASSWORD = ("--password-file", "password")
BUY = """
import json, sealgrid, sys, time
with sealgrid.connect("bob", password="correct horse", clock=lambda: time.time() + float(sys.argv[1])) as me:
    run = me.run("hash-file", files=[("letter.txt", b"dear alice")])
    print(json.dumps([run.result().json(), str(me.account.balance().escrow)]))
"""
EARNED = """
import asyncio, json, sys
from pathlib import Path
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.sdk.network import load_network
network = load_network(Path(sys.argv[1]))
async def read():
    async with Node(*network.identity.rpc_urls) as node:
        return [(await Hub(node, network.hub).account(each)).stake for each in sys.argv[2:]]
print(json.dumps(asyncio.run(read())))
"""
WORK = """
import sys, time
real, ahead = time.time, int(sys.argv.pop(1))
time.time = lambda: real() + ahead
from sealgrid.cli.main import main
main()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


@dataclass(frozen=True)
class Strangers:
    """Alice, who runs a network, Carol, whose machine works, and Bob, behind NAT."""

    alice: Machine
    carol: Machine
    bob: Machine
    layout: Layout


@pytest.fixture(scope="module")
def strangers() -> Iterator[Strangers]:
    with three_machines() as (alice, carol, bob):
        layout = Layout(alice.home / "net")
        for machine in (alice, carol, bob):
            (machine.home / "password").write_text("correct horse\n")
        with alice.start("sealgrid", "up", "--bare", "--host", SERVER_IP, "--home", layout.root) as network:
            assert network.stderr is not None
            lines = []
            for line in network.stderr:
                lines.append(line)
                if "stop it with" in line:
                    break
            assert network.poll() is None, lines
            yield Strangers(alice, carol, bob, layout)
            network.terminate()
            network.wait(60)


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def joined(strangers: Strangers) -> Strangers:
    """Alice sells runs of an app; Bob and Carol joined her network, and Bob has money there."""
    alice, bob, data = strangers.alice, strangers.bob, ("--home", strangers.layout.root)
    done(alice.sealgrid("account", "new", "alice", *PASSWORD, *data))
    done(alice.sealgrid("account", "fund", "100", *PASSWORD, *data))
    done(alice.sealgrid("app", "deploy", "hash-file", "--price", "1", *PASSWORD, *data))
    for machine in (bob, strangers.carol):
        answer = done(machine.sealgrid("network", "join", f"http://{SERVER_IP}:8553", "--name", "alices", "--yes"))
        assert fingerprint(load_network(strangers.layout.network)) in answer
    done(bob.sealgrid("account", "new", "bob", *PASSWORD))
    assert "wallet   50 RLC (test credits)" in done(bob.sealgrid("account", "fund", "50", *PASSWORD))
    done(bob.sealgrid("account", "deposit", "30", *PASSWORD))
    return strangers


def test_bob_buys_a_run_from_behind_nat_although_his_clock_is_an_hour_ahead(joined: Strangers):
    assert "hash-file" in done(joined.bob.sealgrid("app", "list"))
    result, escrow = json.loads(done(joined.bob.program(BUY, 3600)))
    assert result["files"] == [{"name": "letter.txt", "sha256": sha256(b"dear alice").hex()}]
    assert escrow == "27 RLC"
    data = ("--home", joined.layout.root)
    assert "earned 1 RLC" in done(joined.alice.sealgrid("earnings", *PASSWORD, *data))


def test_money_is_sent_from_account_to_account(joined: Strangers):
    bob = next(word for word in done(joined.bob.sealgrid("account", "list")).split() if word.startswith("0x"))
    done(joined.alice.sealgrid("account", "send", bob, "4", *PASSWORD, "--home", joined.layout.root))
    assert "wallet   24 RLC" in done(joined.bob.sealgrid("account", "balance"))


def test_a_model_is_sold_for_an_app_by_its_name_without_the_apps_wheels(joined: Strangers):
    deploy = ("app", "deploy", "onnx-runner", *PASSWORD, "--home", joined.layout.root)
    checkout = (SEALGRID, *map(str, deploy))  # the wheel knows the digests for the checkout's Python
    subprocess.run(
        ["nsenter", f"--net=/run/netns/{joined.alice.name}", *checkout],
        cwd=joined.alice.home,
        check=True,
        capture_output=True,
    )
    (joined.bob.home / "mine.onnx").write_bytes(passing((1, 3)))
    assert "'mine'" in done(
        joined.bob.sealgrid("model", "publish", "mine.onnx", "--price", "1", "--unproved", *PASSWORD)
    )
    assert "mine" in done(joined.bob.sealgrid("model", "list"))


def test_what_it_takes_to_run_a_network_is_said(joined: Strangers):
    ended = joined.bob.sealgrid("up", "--port", "0", "--home", "other")
    assert (ended.returncode, "run `sealgrid setup`" in ended.stderr) == (1, True)
    listed = joined.bob.sealgrid("setup")
    assert (listed.returncode, "MB  altogether" in listed.stdout) == (1, True)


def test_a_worker_whose_clock_is_an_hour_ahead_is_cut_off_in_a_job_and_another_behind_nat_is_paid_for_it(
    joined: Strangers,
):
    alice, carol, bob, data = joined.alice, joined.carol, joined.bob, ("--home", joined.layout.root)
    for machine in (carol, bob):
        (machine.home / "invitation").write_text(done(alice.sealgrid("pool", "invite", *data)))
    done(alice.sealgrid("pool", "remove", account_keys(joined.layout)(WORKER).address, *data))
    with working(carol, 3600) as carols, bob.start("python", "-c", BUY, 0) as bought:
        cut_task = started_task(carols)
        carol.cut()
        with working(bob, 0, "--max-jobs", "1") as bobs:
            seen = peers(alice)
            assert (ROUTER_IP in seen, HIDDEN_IP in seen) == (True, False)
            result, _ = json.loads(bought.communicate(timeout=120)[0])
            assert result["files"] == [{"name": "letter.txt", "sha256": sha256(b"dear alice").hex()}]
            assert started_task(bobs) == cut_task
            assert bobs.wait(60) == 0
        carol.reconnect()
        result, _ = json.loads(done(bob.program(BUY, 0)))
        assert result["files"] == [{"name": "letter.txt", "sha256": sha256(b"dear alice").hex()}]
        assert started_task(carols) != cut_task
        carols.send_signal(signal.SIGTERM)
        assert carols.wait(60) == 0

    listed = done(alice.sealgrid("pool", "workers", *data)).splitlines()
    workers = [line.split()[0] for line in listed if "  joined " in line]
    assert json.loads(done(alice.program(EARNED, joined.layout.network, *workers))) == [2 * 10**9 * 99 // 100] * 2

    report = done(carol.sealgrid("worker", "status"))
    assert f"worker   {workers[0]}" in report
    assert "tasks    1 done, 1 lost" in report
    assert "earned 1.98 RLC (test credits), of which 1.98 RLC is in escrow" in done(
        carol.sealgrid("worker", "earnings")
    )
    assert "sent 1.98 RLC" in done(carol.sealgrid("worker", "collect", workers[1], "--yes"))
    assert json.loads(done(alice.program(EARNED, joined.layout.network, workers[0]))) == [0]

    assert "vaults refuse its certificate" in done(alice.sealgrid("pool", "remove", workers[0], *data))
    refused = carol.sealgrid("worker", "start", "--invitation", "invitation")
    assert refused.returncode == 1
    assert "the pool's owner removed this worker" in refused.stderr


@contextmanager
def working(machine: Machine, ahead: int, *limits: str) -> Iterator[subprocess.Popen[str]]:
    """Yield a worker that asks for jobs, with a clock that is ``ahead`` seconds ahead."""
    words = ("worker", "start", "--invitation", "invitation", "--idle-exit", "200", *limits)
    with machine.start("python", "-c", WORK, ahead, *words) as started:
        assert started.stderr is not None
        assert any(line.startswith("ready:") for line in started.stderr)
        yield started


def started_task(worker: subprocess.Popen[str]) -> str:
    """Return the next task that a worker starts."""
    assert worker.stdout is not None
    return next(line.split()[0] for line in worker.stdout if line.rstrip().endswith("  started"))


def peers(machine: Machine) -> set[str]:
    """Return the addresses from which other machines are connected to a machine."""
    command = ["ip", "netns", "exec", machine.name, "ss", "-Htn", "state", "established"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1].rpartition(":")[0] for line in lines} - {"127.0.0.1"}


def test_machines_reach_neither_anvil_nor_the_platform_nor_each_others_files(joined: Strangers):
    private = load_network(joined.layout.network)
    assert joined.bob.program(CONNECT, SERVER_IP, 8553).stderr == "", "the page's port is open to Bob"
    for url in (private.rpc_url, private.platform_url):
        assert "ConnectionRefusedError" in joined.bob.program(CONNECT, SERVER_IP, url.rpartition(":")[2]).stderr
    assert "OSError" in joined.carol.program(CONNECT, HIDDEN_IP, 22).stderr
    for file in (joined.layout.account_seed, joined.carol.home / "password"):
        assert "PermissionError" in joined.bob.program(f"open({str(file)!r})").stderr
    assert "ModuleNotFoundError" in joined.bob.program("import tests.e2e").stderr
    assert str(joined.bob.bin.parent) in done(joined.bob.program("import sealgrid; print(sealgrid.__file__)"))


def test_a_development_account_is_nobody_there(joined: Strangers):
    ended = joined.bob.sealgrid("account", "balance", "--as", "owner")
    assert ended.returncode == 1
    assert "the key of 'owner' is public" in ended.stderr
