"""Suspended and killed parts of a network, as the commands report them (docs/reference/errors.md)."""

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from chaos.cluster import Cluster
from chaos.evidence import read_evidence
from chaos.injector import inject_all
from chaos.judge import judge
from chaos.load import Piece, prepared_load
from chaos.schedule import FaultKind, Parts, draw_schedule
from sealgrid.sdk.stores.job_store import JobStore
from tests.e2e.error_table import TABLE, moved
from tests.e2e.running_network import SEALGRID, RunningNetwork, gone, start_network
from tests.e2e.shell import Shell

NAP = """
import json, os, pathlib, sys, time
time.sleep(float(sys.argv[1]))
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "result.json").write_text('"slept well"')
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
"""

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("frail"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sealgrid(net, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("person")
    (folder / "nap").mkdir()
    (folder / "nap" / "main.py").write_text(NAP)
    (folder / "nap" / "app.toml").write_text('name = "nap"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    shell = Shell(folder, net.layout.root)
    shell.output("app", "deploy", "./nap", "--price", "1")
    return shell


def escrow(sealgrid: Shell) -> tuple[float, float]:
    printed = sealgrid.output("account", "balance", "--account", "requester")
    return tuple(float(re.search(rf"{place} +(\S+)", printed)[1]) for place in ("escrow", "locked"))


@contextmanager
def suspended(net: RunningNetwork, *parts: str) -> Iterator[None]:
    """Suspend parts: their clients wait, which is worse than a refused connection."""
    stopped = [net.part(part) for part in parts]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def kill(net: RunningNetwork, part: str) -> None:
    """Kill a part and wait until another process has its name."""
    killed = net.part(part)
    os.kill(killed, signal.SIGKILL)
    assert gone({killed})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if net.part(part) not in {killed, None}:
            return
        time.sleep(0.05)
    raise AssertionError(f"{part} was not started again")


@pytest.mark.long
def test_a_run_completes_without_one_of_the_vaults(net, sealgrid, tmp_path):
    before = escrow(sealgrid)
    with suspended(net, "vault-2"):
        ended = sealgrid("run", "nap", "--arg", "0", "--out", tmp_path / "out")
    row = TABLE["one vault down"]
    row.expect(ended.code, ended.err)
    assert moved(before, escrow(sealgrid)) == row.money
    assert (tmp_path / "out" / "result" / "result.json").read_text() == '"slept well"'
    receipt = sealgrid.output("receipt", "verify", tmp_path / "out" / "receipt.json")
    assert "2 vaults released" in receipt
    assert "all 14 checks hold" in receipt


@pytest.mark.parametrize(
    ("situation", "parts"), [("two vaults down", ["vault-1", "vault-3"]), ("storage down", ["storage"])]
)
def test_nothing_is_bought_while_a_required_part_does_not_answer(net, sealgrid, situation, parts, monkeypatch):
    monkeypatch.setattr("sealgrid.sdk.connection.PATIENCE_SECONDS", 2.0)
    before, keys = escrow(sealgrid), JobStore(sealgrid.home / "jobs").all()
    with suspended(net, *parts):
        ended = sealgrid("run", "nap", "--arg", "0")
    row = TABLE[situation]
    row.expect(ended.code, ended.err)
    assert moved(before, escrow(sealgrid)) == row.money
    assert JobStore(sealgrid.home / "jobs").all() == keys
    assert sealgrid.output("run", "nap", "--arg", "0")  # control: the run works once they answer


def run_and_meanwhile(sealgrid: Shell, stage: str, then: Callable[[], None]) -> tuple[int, str]:
    """Buy a run; call ``then`` when it reaches a stage; return the command's exit code and output."""
    home = os.environ | {"SEALGRID_HOME": str(sealgrid.home), "COLUMNS": "200"}
    command = [SEALGRID, "run", "nap", "--arg", "1.5"]
    printed = ""
    with subprocess.Popen(command, env=home, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            printed += line
            if f" {stage}" in line and then is not None:
                then()
                then = None
    return running.returncode, printed


@pytest.mark.long
@pytest.mark.parametrize(
    ("situation", "part"), [("worker killed in the job", "worker"), ("pool killed and restarted", "pool")]
)
def test_a_run_survives_the_death_of_a_part(net, sealgrid, situation, part):
    before = escrow(sealgrid)
    code, printed = run_and_meanwhile(sealgrid, "running", lambda: kill(net, part))
    row = TABLE[situation]
    row.expect(code, printed)
    assert moved(before, escrow(sealgrid)) == row.money


def test_every_part_but_the_chain_is_restarted_with_its_data(net, sealgrid):
    for part in ("storage", "platform", "market", "vault-2"):
        kill(net, part)
    assert sealgrid.output("run", "nap", "--arg", "0").strip() == '"slept well"'


async def test_a_bag_ends_well_while_worker_pool_and_storage_are_killed(net, tmp_path):
    """The short form of `make chaos`: its load, kills and judge, on the network of this file."""
    parts = Parts(("worker",), ("pool",), (), ("storage",), database="", chain="")
    made = Cluster(tmp_path, "", parts, net.layout, net.process, net.network, proxies={}, commands={})
    kills = draw_schedule(7, 4.0, 3, parts, (FaultKind.KILL_WORKER, FaultKind.KILL_REPLICA, FaultKind.KILL_STORAGE))
    async with prepared_load(made, print) as load, asyncio.timeout(240):
        hub = load.conn.hub
        since, stake = (await hub.node.block()).number + 1, (await hub.account(load.conn.address)).stake
        earlier = set((await read_evidence(load, net.layout, since - 1, stake)).releases)
        buying = load.buy_all([Piece(0, is_tee=True, tasks=3)], 1 << 20, time.monotonic() + 60)
        injected, _ = await asyncio.gather(inject_all(made, kills, print), buying)
        assert len([each async for each in load.bags[0][1].results()]) == 3
        while await asyncio.to_thread(load.unended):
            await asyncio.sleep(0.1)
        evidence = await read_evidence(load, net.layout, since, stake)
    verdicts = judge(msgspec.structs.replace(evidence, releases=tuple(set(evidence.releases) - earlier)))
    assert all(each.holds for each in verdicts), verdicts
    assert [each.note for each in injected] == ["", "", ""]


def test_a_part_that_dies_four_times_ends_the_network_with_one_line(net):
    for _ in range(3):
        kill(net, "vault-3")
    os.kill(net.part("vault-3"), signal.SIGKILL)
    assert net.process.stderr is not None
    printed = net.process.stderr.read().decode()  # until it ends
    assert net.process.wait(10) == 1
    assert printed.strip().splitlines()[-1].startswith("sealgrid: vault-3 ended by itself")
    assert "Traceback" not in printed
