"""One run: start the network, buy while faults are injected, let it end, and judge what it left."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sql

from chaos import machine
from chaos.cluster import Cluster, cluster
from chaos.evidence import read_evidence
from chaos.injector import InjectedFault, inject_all
from chaos.judge import Evidence, Verdict, judge
from chaos.load import Load, draw_pieces, prepared_load
from chaos.report import Run, report
from chaos.schedule import Fault, draw_schedule
from sealgrid.chain.anvil import advance
from sealgrid.errors import SealgridError

CATEGORY_SECONDS: Final = 300  #: PoCo's time reference of the load's category, XS
#: By how much the chain's clock is moved while tasks stay open: past the deadline of reveals, then the final one.
ADVANCES: Final = (2 * CATEGORY_SECONDS + 1, 10 * CATEGORY_SECONDS + 1, 10 * CATEGORY_SECONDS + 1)
_POLL: Final = 0.5
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The size of a run."""

    seed: int
    tasks: int = 1000
    tee: int = 150
    workers: int = 8
    faults: int = 60
    seconds: float = 690.0  #: for purchases and faults
    drain: float = 60.0  #: until open tasks are refunded, which moves the chain's clock
    open_tasks: int = 60  #: at one time
    piece: int = 20  #: tasks of one purchase


@dataclass(frozen=True)
class Ended:
    """What a run left, and its report."""

    evidence: Evidence
    verdicts: tuple[Verdict, ...]
    injected: tuple[InjectedFault, ...]
    page: str

    @property
    def holds(self) -> bool:
        """Return whether every invariant holds."""
        return all(each.holds for each in self.verdicts)


async def run_chaos(options: Options, on_progress: OnProgress, keep: Path | None = None) -> Ended:
    """Run it in a temporary folder; copy the logs to ``keep`` if an invariant is broken."""
    folder = Path(tempfile.mkdtemp(prefix="sg-chaos-"))
    mark = folder.name
    try:
        async with cluster(folder, mark, options.workers, options.seed) as made:
            evidence, injected, run = await _run_load(made, options, on_progress)
        left = await _wait_for_end(mark, folder)
        evidence = msgspec.structs.replace(evidence, processes=left, files=left_files(folder))
        verdicts = judge(evidence)
        if keep is not None and not all(each.holds for each in verdicts):
            shutil.copytree(folder / "logs", keep / "logs", dirs_exist_ok=True)
            shutil.copytree(folder / "net" / "logs", keep / "logs", dirs_exist_ok=True)
        return Ended(evidence, verdicts, tuple(injected), report(run, injected, evidence, verdicts))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run_load(
    made: Cluster, options: Options, on_progress: OnProgress
) -> tuple[Evidence, list[InjectedFault], Run]:
    faults = draw_schedule(options.seed, options.seconds, options.faults, made.parts)
    async with prepared_load(made, on_progress) as load:
        hub = load.conn.hub
        since, before = (await hub.node.block()).number + 1, (await hub.account(load.conn.address)).stake
        begun = time.monotonic()
        pieces = draw_pieces(options.seed, options.tasks, options.tee, options.piece)
        on_progress(f"buying {options.tasks} tasks, {options.tee} in enclaves, while {len(faults)} faults happen")
        buying = load.buy_all(pieces, options.open_tasks, begun + options.seconds)
        watching = asyncio.create_task(_watch(load, begun, on_progress))
        tell = lambda fault: on_progress(f"{time.monotonic() - begun:6.1f} s  {described(fault)}")  # noqa: E731
        injected, _ = await asyncio.gather(inject_all(made, faults, tell), buying)
        on_progress(f"{load.bought} tasks bought; waiting for their end")
        await _drain(load, options.drain, on_progress)
        watching.cancel()
        run = Run(
            seed=options.seed,
            tasks=options.tasks,
            tee=options.tee,
            workers=options.workers,
            seconds=time.monotonic() - begun,
            failed_purchases=load.failed_purchases,
            messages={
                what: sum(proxy.counts[what] for proxy in made.proxies.values())
                for what in ("sent", "delayed", "doubled", "dropped")
            },
            ended=tuple(made.ended),
            cpu=dict(sorted(made.cpu_seconds().items(), key=lambda each: -each[1])),
            shortage=""
            if load.bought == options.tasks
            else f"{options.tasks} tasks were planned; the time was enough to buy {load.bought}.",
        )
        on_progress("reading chain and stores")
        return await read_evidence(load, made.layout, since, before), injected, run


def described(fault: Fault) -> str:
    """Return a fault in words."""
    return f"{fault.kind.value}: {fault.target}, {fault.seconds:g} s" + (f", {fault.amount:g}" if fault.amount else "")


async def _watch(load: Load, begun: float, on_progress: OnProgress) -> None:
    while True:
        await asyncio.sleep(15)
        with contextlib.suppress(sql.exc.SQLAlchemyError):
            ended = await asyncio.to_thread(load.ended)
            on_progress(f"{time.monotonic() - begun:6.1f} s  {ended} of {load.bought} tasks have ended")


async def _drain(load: Load, seconds: float, on_progress: OnProgress) -> None:
    """Wait until the pool's book has no open task; move the chain's clock meanwhile, and have the rest refunded."""
    for advanced in (*ADVANCES, 0):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with contextlib.suppress(sql.exc.SQLAlchemyError):
                ended, unended = await asyncio.to_thread(load.ended), await asyncio.to_thread(load.unended)
                if not unended and ended >= load.bought:
                    return
            await asyncio.sleep(_POLL)
        on_progress(f"moving the chain's clock by {advanced} seconds, since tasks are open")
        with contextlib.suppress(SealgridError):
            await advance(load.conn.node, advanced)


async def _wait_for_end(mark: str, folder: Path) -> tuple[str, ...]:
    """Return the processes of the run that have not ended ten seconds after it; kill them."""
    ends = time.monotonic() + 10
    while (left := machine.marked_processes(mark, folder)) and time.monotonic() < ends:
        await asyncio.sleep(_POLL)
    described = tuple(f"{pid}: {' '.join(machine.command_of(pid))[:200]}" for pid in left)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    return described


def left_files(folder: Path) -> tuple[str, ...]:
    """Return the temporary and partial files that a run left, relative to its folder."""
    patterns = ("tmp/*", "**/incoming/*", "**/*.part", "**/committed/*.json")
    return tuple(sorted({str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern)}))
