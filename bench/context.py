"""State shared by all figures of one run: sample sizes, a folder, networks, and runs that several figures show."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.campaign import Plan, Runs, campaign
from bench.networks import Networks
from bench.workloads import Workload

T = TypeVar("T")
QUICK = {"hash_file": Plan(1, 5, 3, seconds=8.0), "plate_reader": Plan(1, 3, 2, seconds=8.0)}
FULL = {"hash_file": Plan(2, 25, 10, seconds=30.0), "plate_reader": Plan(2, 8, 5, seconds=25.0)}


@dataclass
class Context:
    """One run of the bench."""

    quick: bool
    folder: Path
    networks: Networks
    _runs: dict[str, Runs] = field(default_factory=dict)

    def either(self, quick: T, full: T) -> T:
        """Return the one that fits the time there is."""
        return quick if self.quick else full

    async def runs(self, make: Callable[[], Workload]) -> Runs:
        """Return the runs of a workload, measured once however many figures show them."""
        if make.__name__ not in self._runs:
            workload = make()
            plan = self.either(QUICK, FULL)[workload.name]
            self._runs[make.__name__] = await campaign(workload, plan, self.networks, self.folder)
        return self._runs[make.__name__]
