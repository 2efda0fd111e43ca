"""State and earnings of a worker of this machine, from its folder and from the chain."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealgrid.crypto.signing import ExternalKey
from sealgrid.errors import SealgridError
from sealgrid.machine.start import WorkerMachine, is_running, load_key
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import connect
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import Address
from sealgrid.worker.work_record import WorkStatus, read_status

ETHER = 10**18  #: wei


@dataclass(frozen=True, slots=True)
class WorkerMoney:
    """Money of a worker."""

    earned: Amount
    escrow: Amount  #: free; `sealgrid worker collect` can move it
    gas: int  #: wei


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """State of a worker of this machine."""

    worker: Address
    pool: Address
    is_running: bool
    work: WorkStatus | None  #: as its process wrote it last; None before the first start
    cache: int  #: bytes of bundles, environments and sealed files
    runtime: int  #: bytes of the network's runtime
    money: WorkerMoney | None  #: None while the chain does not answer
    problem: str = ""  #: why ``money`` is unknown


async def worker_report(machine: WorkerMachine) -> WorkerReport:
    """Return the state of a worker; raise InputRefused if this machine has none for the network."""
    worker, money, problem = load_key(machine).address, None, ""
    try:
        async with connect(machine.network, ExternalKey(worker)) as conn:
            account = AsyncAccount(conn)
            earned = await account.earnings()
            gas = int(await conn.node.rpc("eth_getBalance", worker, "latest"), 16)
            money = WorkerMoney(earned.total, (await account.balance()).escrow, gas)
    except SealgridError as error:
        problem = error.reason
    return WorkerReport(
        worker=worker,
        pool=machine.network.workerpool,
        is_running=is_running(machine),
        work=read_status(machine.folder),
        cache=_size(machine.folder / "cache"),
        runtime=_size(machine.folder / "runtime"),
        money=money,
        problem=problem,
    )


def report_lines(report: WorkerReport, now: float) -> Iterator[str]:
    """Yield the report for people; ``now`` is in Unix seconds."""
    work, running = report.work, report.is_running
    process = f"running, process {work.process}" if running and work else "running" if running else "not running"
    yield f"worker   {report.worker} of pool {report.pool} ({process})"
    if work is not None:
        if running:
            yield f"slots    {work.slots}, of which {len(work.running)} busy"
        for each in work.running if running else ():
            yield f"task     {each.task}  {each.stage} for {now - each.since:.0f} s"
        yield f"tasks    {work.done} done, {work.lost} lost on {work.day}" if work.day else "tasks    none yet"
        contact = "never" if work.last_contact is None else f"{max(0.0, now - work.last_contact):.0f} s ago"
        yield f"contact  the pool answered {contact}"
    yield f"caches   {report.cache / 1e6:.0f} MB of files, {report.runtime / 1e6:.0f} MB of the runtime"
    if report.money is None:
        yield f"money    unknown: {report.problem}"
    else:
        money = report.money
        yield f"money    earned {money.earned}, {money.escrow} in escrow, {money.gas / ETHER:.4f} ether for gas"


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
