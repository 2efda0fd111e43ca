"""Following a task: the pool's stages are information, the chain decides."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import DealRefused, HostFailed, ServiceUnavailable
from sealgrid.sdk.operations import follow as following
from sealgrid.sdk.operations.follow import follow
from sealgrid.units import to_address, to_digest
from sealgrid.wire.pool import StageAt

POOL = to_address(b"\x01" * 20)
JOB = SimpleNamespace(
    deal=to_digest(b"\xdd" * 32),
    task=to_digest(b"\xee" * 32),
    terms=SimpleNamespace(workerpool=SimpleNamespace(workerpool=POOL)),
)
NOW = 1_000.0


class Network:
    """A pool and a chain that go one step further at each read of the task's stages."""

    def __init__(
        self, *steps: tuple[tuple[str, ...], TaskStatus], detail: str = "", check: str = "", bought: float = NOW
    ) -> None:
        self.check = check
        self.steps, self.detail, self.bought, self.final_deadline = list(steps), detail, bought, 10**9
        self.waits: list[float] = []
        self.status, self.chain_reads = TaskStatus.UNSET, 0

    async def stages(self, task, *, after=0, wait=0.0):
        self.waits.append(wait)
        known, self.status = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if not known:
            raise ServiceUnavailable("the pool does not answer.")
        checks = {"failed": self.check}
        return tuple(StageAt(stage=stage, at=NOW, detail=self.detail, check=checks.get(stage, "")) for stage in known)

    async def view_task(self, task):
        self.chain_reads += 1
        return SimpleNamespace(status=self.status)

    async def view_deal(self, deal):
        return SimpleNamespace(start_time=self.bought, category=0, sponsor=POOL, requester=POOL)

    async def view_category(self, number):
        return SimpleNamespace(timeref=30)

    async def block(self):
        return SimpleNamespace(timestamp=int(NOW))

    def conn(self):
        return SimpleNamespace(hub=self, node=self, stage_reader=self, clock=lambda: NOW)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(following, "POLL_SECONDS", 0.0)


async def test_each_stage_is_reported_once_until_the_chain_completes_the_task():
    running = ("waiting", "assigned")
    network = Network(
        (("waiting",), TaskStatus.UNSET),
        (running, TaskStatus.ACTIVE),
        (running, TaskStatus.ACTIVE),
        ((*running, "completed"), TaskStatus.COMPLETED),
    )
    reported = []
    await follow(network.conn(), JOB, reported.append)
    assert [each.stage for each in reported] == ["waiting", "assigned", "completed"]
    assert set(network.waits[:-1]) == {following.WAIT_SECONDS}, "each read is a long poll"


async def test_the_chain_is_not_read_for_each_stage_before_the_last_ones():
    running = ("waiting", "assigned", "launched", "attested", "released", "running")
    before = [(running[:count], TaskStatus.ACTIVE) for count in range(1, len(running) + 1)]
    network = Network(*before, ((*running, "finalizing"), TaskStatus.COMPLETED))
    await follow(network.conn(), JOB)
    assert network.chain_reads == 2, "at first, and when the chain may have completed the task"


async def test_new_details_of_a_stage_are_reported(monkeypatch):
    network = Network(
        (("waiting",), TaskStatus.UNSET),
        (("waiting",), TaskStatus.UNSET),
        (("waiting",), TaskStatus.UNSET),
        (("waiting", "completed"), TaskStatus.COMPLETED),
    )
    details = iter(["", "half", "half", "half", "half"])
    stages = network.stages

    async def with_details(task, **options):
        network.detail = next(details)
        return await stages(task, **options)

    monkeypatch.setattr(network, "stages", with_details)
    reported, detailed = [], []
    await follow(network.conn(), JOB, reported.append, on_detail=detailed.append)
    assert [each.stage for each in reported] == ["waiting", "completed"]
    assert [(each.stage, each.detail) for each in detailed] == [("waiting", "half")]


async def test_a_pool_that_does_not_answer_stops_nobody():
    await follow(Network(((), TaskStatus.ACTIVE), ((), TaskStatus.COMPLETED)).conn(), JOB)


async def test_a_task_that_the_chain_failed_is_refunded():
    with pytest.raises(HostFailed, match="before its deadline") as failed:
        await follow(Network((("waiting",), TaskStatus.FAILED)).conn(), JOB)
    assert failed.value.money == "The requester was refunded."


async def test_a_task_that_its_pool_gave_up_ends_with_the_pools_reason():
    with pytest.raises(HostFailed, match=r"no machine could finish the task \(out of memory\)") as failed:
        await follow(Network((("waiting", "failed"), TaskStatus.ACTIVE), detail="out of memory.").conn(), JOB)
    assert failed.value.money.startswith("The price is locked until")


async def test_a_refusal_that_the_pool_reports_blames_no_machine_and_promises_no_refund():
    sentence = "2 of 3 vaults refuse the deal: the owner refuses this requester."
    refused_by = Network((("waiting", "failed"), TaskStatus.ACTIVE), detail=sentence, check="7.10")
    with pytest.raises(DealRefused) as refused:
        await follow(refused_by.conn(), JOB)
    assert refused.value.reason == (
        "(7.10) the pool reports that 2 of 3 vaults refuse the deal: the owner refuses this requester; choose another "
        "model, or ask its owner."
    )
    assert "it is paid if a machine finishes the task by then" in refused.value.money


async def test_a_failure_that_the_pool_reports_for_a_paid_task_is_ignored():
    await follow(Network((("failed",), TaskStatus.COMPLETED)).conn(), JOB)


@pytest.mark.parametrize(("stages", "notices"), [((), 1), (("waiting",), 1), (("waiting", "assigned"), 0)])
async def test_a_task_that_no_machine_took_is_noticed_once(stages, notices):
    network = Network(*[(stages, TaskStatus.ACTIVE)] * 3, (stages, TaskStatus.COMPLETED), bought=NOW - 31)
    waiting = []
    await follow(network.conn(), JOB, on_waiting=waiting.append)
    assert len(waiting) == notices
    assert all((each.pool, each.seconds, each.money.kind) == (POOL, 31, "locked") for each in waiting)
