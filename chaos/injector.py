"""Performs the faults of a schedule on a running network."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from chaos import machine
from chaos.chain_faults import catch_up, copy_state, pause_mining, recent_transactions, reorganise
from chaos.cluster import CHAIN, Cluster
from chaos.message_proxy import LinkFaults
from chaos.schedule import Fault, FaultKind
from chaos.worker_process import CLOCK_FILE, write_clock
from sealgrid.chain.anvil import AnvilConfig
from sealgrid.chain.node import Node
from sealgrid.errors import SealgridError

_START_TRIES, _START_PAUSE = 100, 0.1


class InjectedFault(msgspec.Struct, frozen=True):
    """What became of a fault."""

    fault: Fault
    began: float  #: seconds after the begin of the schedule
    ended: float
    note: str = ""  #: why it could not be injected


async def inject_all(
    cluster: Cluster, faults: Sequence[Fault], on_fault: Callable[[Fault], None]
) -> list[InjectedFault]:
    """Inject each fault at its time, and undo it; return them in their order."""
    begun = time.monotonic()

    async def run(fault: Fault) -> InjectedFault:
        await asyncio.sleep(max(0.0, begun + fault.at - time.monotonic()))
        on_fault(fault)
        began, note = time.monotonic() - begun, ""
        try:
            await _INJECTORS[fault.kind](cluster, fault)
        except (OSError, IndexError, SealgridError) as error:
            note = f"{type(error).__name__}: {error}"
        return InjectedFault(fault, round(began, 2), round(time.monotonic() - begun, 2), note)

    return list(await asyncio.gather(*map(run, faults)))


async def _kill(cluster: Cluster, fault: Fault) -> None:
    if fault.target == CHAIN:
        await _kill_chain(cluster, fault)
        return
    with cluster.down(fault.target):
        cluster.kill(fault.target)
        await asyncio.sleep(fault.seconds)


async def _kill_chain(cluster: Cluster, fault: Fault) -> None:
    command = cluster.chain_command()
    config = AnvilConfig(binary=Path(command[0]), state=cluster.layout.chain_state)
    async with Node(*cluster.network.identity.rpc_urls) as node:
        before = await asyncio.to_thread(copy_state, cluster.layout.chain_state)
        await pause_mining(node)
        recent = await recent_transactions(node)
        cluster.kill(CHAIN)
        await asyncio.sleep(fault.seconds)
        await catch_up(config, before, recent)
        cluster.start_chain(command)
        for _ in range(_START_TRIES):
            with contextlib.suppress(SealgridError):
                head = await node.block()
                # Its clock begins at the genesis block's time, as in ``Anvil.start``.
                await node.rpc("evm_setTime", max(int(time.time()), head.timestamp + 1))
                return
            await asyncio.sleep(_START_PAUSE)


async def _suspend(cluster: Cluster, fault: Fault) -> None:
    pids = cluster.pids(fault.target)
    cluster.suspended.update(pids)
    cluster.send(pids, signal.SIGSTOP)
    await asyncio.sleep(fault.seconds)
    cluster.send(pids, signal.SIGCONT)
    cluster.suspended.difference_update(pids)


async def _restart(cluster: Cluster, fault: Fault) -> None:
    with cluster.down(fault.target):
        await cluster.terminate(fault.target)
        await asyncio.sleep(fault.seconds)


async def _fill_disk(cluster: Cluster, fault: Fault) -> None:
    pids = cluster.pids(fault.target)
    for pid in pids:
        machine.limit_files(pid, 0)
    await asyncio.sleep(fault.seconds)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            machine.limit_files(pid, None)


async def _fill_vaults_disk(cluster: Cluster, fault: Fault) -> None:
    await _fill_disk(cluster, fault)
    await cluster.terminate(fault.target)  # a vault that could not write serves nothing until its operator starts it


async def _set_clock(cluster: Cluster, fault: Fault) -> None:
    clock = cluster.folder / fault.target / CLOCK_FILE
    write_clock(clock, fault.amount)
    await asyncio.sleep(fault.seconds)
    write_clock(clock, 0.0)


def _on_link(change: Callable[[LinkFaults, float], None]) -> "Injector":
    async def apply(cluster: Cluster, fault: Fault) -> None:
        faults = cluster.proxies[fault.target].faults
        change(faults, fault.amount)
        await asyncio.sleep(fault.seconds)
        change(faults, 0.0)

    return apply


async def _reorganise(cluster: Cluster, fault: Fault) -> None:
    async with Node(*cluster.network.identity.rpc_urls) as node:
        await reorganise(node, int(fault.amount))


Injector = Callable[[Cluster, Fault], Awaitable[None]]
_INJECTORS: Mapping[FaultKind, Injector] = {
    FaultKind.KILL_WORKER: _kill,
    FaultKind.KILL_REPLICA: _kill,
    FaultKind.KILL_VAULT: _kill,
    FaultKind.KILL_STORAGE: _kill,
    FaultKind.KILL_DATABASE: _kill,
    FaultKind.KILL_CHAIN_NODE: _kill,
    FaultKind.STOP_WORKER: _suspend,
    FaultKind.STOP_REPLICA: _suspend,
    FaultKind.STOP_VAULT: _suspend,
    FaultKind.STOP_STORAGE: _suspend,
    FaultKind.STOP_DATABASE: _suspend,
    FaultKind.STOP_CHAIN_NODE: _suspend,
    FaultKind.RESTART_WORKER: _restart,
    FaultKind.RESTART_REPLICA: _restart,
    FaultKind.FILL_WORKERS_DISK: _fill_disk,
    FaultKind.FILL_VAULTS_DISK: _fill_vaults_disk,
    FaultKind.FILL_STORAGES_DISK: _fill_disk,
    FaultKind.SET_WORKERS_CLOCK: _set_clock,
    FaultKind.DELAY_MESSAGES: _on_link(lambda faults, amount: setattr(faults, "delay", amount)),
    FaultKind.DOUBLE_MESSAGES: _on_link(lambda faults, amount: setattr(faults, "double", amount)),
    FaultKind.DROP_MESSAGES: _on_link(lambda faults, amount: setattr(faults, "drop", amount)),
    FaultKind.REORGANISE_CHAIN: _reorganise,
}
