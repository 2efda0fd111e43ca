"""All runs of one workload: first jobs on fresh networks, jobs on a warm one, and the same app as a plain process."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import calibration
from bench.jobs import PublishedApp, TimedRun, sell, timed
from bench.networks import Networks
from bench.plain_process import PlainApp
from bench.workloads import Workload
from sealgrid.chain.accounts import development_key
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network


@dataclass(frozen=True)
class Plan:
    """How often to run what."""

    cold: int
    warm: int
    plain: int
    seconds: float  #: no warm job begins later than this after the first


@dataclass
class Runs:
    """What was measured of one workload."""

    cold: list[TimedRun] = field(default_factory=list)
    warm: list[TimedRun] = field(default_factory=list)
    plain_cold: list[float] = field(default_factory=list)
    plain_warm: list[float] = field(default_factory=list)
    calibration: str = ""


async def campaign(workload: Workload, plan: Plan, networks: Networks, folder: Path) -> Runs:
    """Run a workload through; the last fresh network is also the warm one and stays up."""
    runs = Runs()
    for number in range(plan.cold):
        network = await networks.fresh()
        async with AsyncExitStack() as stack:
            requester, sold = await _opened(stack, network, workload, folder)
            runs.cold.append(await timed(requester, sold, workload))
            if number == plan.cold - 1:
                runs.calibration = await calibration.cpu_and_chain(network.rpc_url)
                ends = time.monotonic() + plan.seconds
                while len(runs.warm) < plan.warm and (not runs.warm or time.monotonic() < ends):
                    runs.warm.append(await timed(requester, sold, workload))
    for number in range(plan.cold):
        runs.plain_cold.append(await PlainApp(workload, _made(folder / f"plain-{workload.name}-{number}")).run())
    plain = PlainApp(workload, _made(folder / f"plain-{workload.name}"))
    await plain.run()
    runs.plain_warm += [await plain.run() for _ in range(plan.plain)]
    return runs


async def _opened(
    stack: AsyncExitStack, network: Network, workload: Workload, folder: Path
) -> tuple[Connection, PublishedApp]:
    async def as_(name: str) -> Connection:
        return await stack.enter_async_context(connect(network, development_key(name)))

    sold = await sell(await as_("developer"), await as_("owner"), workload, folder)
    return await as_("requester"), sold


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
