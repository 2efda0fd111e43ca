"""Two people on two machines: one shares a network, the other joins it, gets money, buys a run and opens the result."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.localnet.layout import WORKER, Layout
from sealgrid.localnet.network_accounts import account_keys
from sealgrid.sdk.network import fingerprint, load_network
from tests.e2e.running_network import SEALGRID
from tests.e2e.two_machines import SERVER_IP, Machine, can_make_machines, two_machines

pytestmark = [
    pytest.mark.localnet,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not can_make_machines(), reason="a second machine or user needs root, and a checkout that another user can read"
    ),
]
PASSWORD = "correct horse\n"
BUY = """
import json, sealgrid, sys, time
with sealgrid.connect("bob", password="correct horse", clock=lambda: time.time() + float(sys.argv[1])) as me:
    run = me.run("hash-file", files=[("letter.txt", b"dear alice")])
    print(json.dumps([run.result().json(), str(me.account.balance().escrow)]))
"""


@dataclass(frozen=True)
class TwoPeople:
    """Alice, who shares her network, and Bob."""

    alice: Machine
    bob: Machine
    layout: Layout


@pytest.fixture(scope="module")
def people() -> Iterator[TwoPeople]:
    with two_machines() as (alice, bob):
        layout = Layout(alice.home / "net")
        command = (*alice.prefix, "setpriv", "--pdeathsig", "TERM", SEALGRID, "up", "--bare")
        log = (alice.home / "up.log").open("wb")
        process = subprocess.Popen(
            [*command, "--host", SERVER_IP, "--data", str(layout.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + 240
            while b"ready in" not in (alice.home / "up.log").read_bytes():
                running = process.poll() is None and time.monotonic() < deadline
                assert running, (alice.home / "up.log").read_text()
                time.sleep(0.2)
            for machine in (alice, bob):
                (machine.home / "password").write_text(PASSWORD)
            yield TwoPeople(alice, bob, layout)
        finally:
            process.terminate()
            process.wait(60)
            log.close()


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_bob_joins_alices_network_gets_money_and_buys_a_run_although_his_clock_is_an_hour_ahead(people: TwoPeople):
    alice, bob, data = people.alice, people.bob, ("--data", str(people.layout.root))
    password = ("--password-file", "password")
    done(alice.sealgrid("account", "new", "alice", *password, *data))
    done(alice.sealgrid("account", "fund", "100", *password, *data))
    done(alice.sealgrid("app", "deploy", "hash-file", "--price", "1", *password, *data))

    joined = done(bob.sealgrid("network", "join", f"http://{SERVER_IP}:8553", "--name", "alices", "--yes"))
    assert fingerprint(load_network(people.layout.network)) in joined
    assert "hash-file" in done(bob.sealgrid("app", "list"))  # without an account
    address = done(bob.sealgrid("account", "new", "bob", *password)).split()[0]
    assert "wallet   50 RLC (test credits)" in done(bob.sealgrid("account", "fund", "50", *password))
    done(bob.sealgrid("account", "deposit", "20", *password))

    result, escrow = json.loads(done(bob.program(BUY, 3600)))
    assert result["files"] == [{"name": "letter.txt", "sha256": sha256(b"dear alice").hex()}]
    assert escrow == "17 RLC"
    assert "earned 1 RLC" in done(alice.sealgrid("earnings", *password, *data))

    done(alice.sealgrid("account", "send", address, "4", *password, *data))
    assert "wallet   34 RLC" in done(bob.sealgrid("account", "balance"))


WORK = """
import sys, time
real, ahead = time.time, int(sys.argv.pop(1))
time.time = lambda: real() + ahead
from sealgrid.cli.main import main
main()
"""


def test_bobs_machine_joins_alices_pool_and_runs_jobs_although_its_clock_is_an_hour_ahead(people: TwoPeople):
    alice, bob, data = people.alice, people.bob, ("--data", str(people.layout.root))
    (bob.home / "invitation").write_text(done(alice.sealgrid("pool", "invite", *data)))
    local_worker = account_keys(people.layout)(WORKER).address
    done(alice.sealgrid("pool", "remove", local_worker, *data))
    words = ("worker", "start", "--invitation", "invitation", "--max-jobs", "1", "--idle-exit", "200")
    with bob.start(WORK, 3600, *words) as started:
        assert started.stderr is not None
        assert any(line.startswith("ready:") for line in started.stderr)
        result, _ = json.loads(done(bob.program(BUY, 0)))
        output, _ = started.communicate(timeout=60)
    assert result["files"] == [{"name": "letter.txt", "sha256": sha256(b"dear alice").hex()}]
    assert started.returncode == 0
    worker, first, last = output.splitlines()
    assert (first.split()[1], last.split()[1]) == ("started", "ended")
    address = worker.split()[1]
    assert address in done(alice.sealgrid("pool", "workers", *data))

    assert "its certificate is revoked" in done(alice.sealgrid("pool", "remove", address, *data))
    refused = bob.program(WORK, 0, *words)
    assert refused.returncode == 1
    assert "the pool's owner removed this worker" in refused.stderr


def test_bob_reaches_neither_anvil_nor_the_platform_nor_alices_files(people: TwoPeople):
    private = load_network(people.layout.network)

    def connect(port: str) -> str:
        code = f"import socket; socket.create_connection(('{SERVER_IP}', {port}), 5)"
        return people.bob.program(code).stderr

    assert connect("8553") == "", "the page's port is open to Bob"
    for url in (private.rpc_url, private.platform_url):
        assert "ConnectionRefusedError" in connect(url.rpartition(":")[2])
    assert "PermissionError" in people.bob.program(f"open({str(people.layout.account_seed)!r})").stderr


def test_a_development_account_is_nobody_there(people: TwoPeople):
    ended = people.bob.sealgrid("account", "balance", "--as", "owner")
    assert ended.returncode == 1
    assert "the key of 'owner' is public" in ended.stderr
