"""A pool, its workers, its chain and their network in virtual time, from one seed.

One heap of events drives everything (``virtual_time``). The pool's tasks are stepped, claimed, matched and compared by
the pool's own code; its store is in memory (``simulated_pool``). Messages are late, doubled and lost; workers and the
pool crash; strangers make the pool's calls before it does; blocks are removed again. Some workers lie. The invariants
are checked while it runs (``judge``).
"""

from tests.unit.pool.judge import Judge
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.replicated_jobs import ReplicatedJobs
from tests.unit.pool.scenario import Scenario
from tests.unit.pool.simulated_chain import BLOCK, SimulatedChain
from tests.unit.pool.simulated_pool import SimulatedPool, rules_of
from tests.unit.pool.simulated_workers import SimulatedWorkers
from tests.unit.pool.virtual_time import VirtualTime


class Simulation:
    """Runs a scenario to its end; raises InvariantBroken."""

    def __init__(self, scenario: Scenario) -> None:
        self.time, self.chain = VirtualTime(scenario), SimulatedChain(scenario)
        self.store = MemoryPoolStore(rules_of(scenario))
        self.judge = Judge(self.time, self.chain, self.store)
        self.pool = SimulatedPool(self.time, self.chain, self.store, self.judge)
        self.workers = SimulatedWorkers(self.time, self.chain, self.pool, self.judge)
        self.workers.on_replicated = ReplicatedJobs(self.time, self.chain, self.pool, self.workers).begin
        self._machines = {worker.name: worker.capabilities for worker in self.workers.all}
        self.chain.fund([worker.name for worker in self.workers.all])

    def run(self) -> None:
        """Run until every task has ended, here and on the chain."""
        self.workers.start()
        self.time.every(BLOCK, self.pool.follow_block)
        self.time.every(1.0, self._tick)
        until = self.time.scenario.contribution_seconds * 10 / 7 + 600
        while len(self.store.history) < len(self.chain.tasks) or self.chain.unread:
            self.time.go_on(until)
        self.judge.check_ends()

    def _tick(self) -> None:
        self.workers.reconnect(self.pool.tick())
        self.judge.check([each.worker for each in self.pool.waiting.values()], self._machines)

    @property
    def completed(self) -> int:
        """Return how many tasks were completed."""
        return sum(task.status == "completed" for task in self.chain.tasks.values())
