"""A small network whose parts fail loses no task, pays none twice, and leaves no process or file (`make chaos`)."""

import pytest

from chaos.run import Options, run_chaos

pytestmark = [pytest.mark.localnet, pytest.mark.long, pytest.mark.timeout(600)]


async def test_every_task_ends_well_while_a_part_fails_every_few_seconds():
    options = Options(5, tasks=20, tee=5, workers=3, faults=4, seconds=16, drain=40, open_tasks=20, piece=5)
    ended = await run_chaos(options, print)
    assert ended.holds, ended.page
    assert len(ended.evidence.tasks) >= 5, "a busy machine buys fewer than twenty"
    assert all(not each.note for each in ended.injected), ended.page
