"""Watch the tasks of a bag: one read of the chain's events for all of them, and the pool's stages of a few."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.events import TaskClaimed, TaskFinalize, parse_events
from sealgrid.chain.views import TaskStatus
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.follow import history
from sealgrid.units import TaskId, to_bytes

POLL_SECONDS: Final = 0.3  #: between two reads of the chain
MAX_TOPICS: Final = 500  #: tasks in one query of the chain's events
STAGES_AT_A_TIME: Final = 8  #: tasks whose stages are read after each read of the chain


async def ended_tasks(conn: Connection, tasks: Sequence[TaskId]) -> AsyncIterator[TaskId]:
    """Yield each task once, when it is completed or refunded on the chain or its pool gave it up.

    Only the pool reports that it gave a task up, unsigned.
    """
    waiting = dict.fromkeys(tasks)
    block, turn = (await conn.node.block()).number, 0
    ended = await _ended_before(conn, tasks)
    while True:
        asked = [*waiting][turn : turn + STAGES_AT_A_TIME]
        turn = turn + STAGES_AT_A_TIME if turn + STAGES_AT_A_TIME < len(waiting) else 0
        stages = await asyncio.gather(*(history(conn, task) for task in asked))
        ended |= {task for task, each in zip(asked, stages, strict=True) if each and each[-1].stage == "failed"}
        for task in [each for each in waiting if each in ended]:
            del waiting[task]
            yield task
        if not waiting:
            return
        await asyncio.sleep(POLL_SECONDS)
        head = (await conn.node.block()).number
        ended = await _ended_between(conn, tuple(waiting), block, head)
        block = head


async def _ended_before(conn: Connection, tasks: Sequence[TaskId]) -> set[TaskId]:
    limit = asyncio.Semaphore(STAGES_AT_A_TIME)

    async def has_ended(task: TaskId) -> bool:
        async with limit:
            return (await conn.hub.view_task(task)).status in {TaskStatus.COMPLETED, TaskStatus.FAILED}

    flags = await asyncio.gather(*(has_ended(task) for task in tasks))
    return {task for task, flag in zip(tasks, flags, strict=True) if flag}


async def _ended_between(conn: Connection, tasks: Sequence[TaskId], first: int, last: int) -> set[TaskId]:
    hub = interface("Hub")
    ends = [hub.topic("TaskFinalize"), hub.topic("TaskClaimed")]
    ended: set[TaskId] = set()
    for start in range(0, len(tasks), MAX_TOPICS):
        wanted = [to_bytes(task, 32) for task in tasks[start : start + MAX_TOPICS]]
        logs = await conn.node.logs(conn.hub.address, [ends, wanted], first=first, last=last)
        ended |= {event.task for event in parse_events(logs) if isinstance(event, (TaskFinalize, TaskClaimed))}
    return ended
