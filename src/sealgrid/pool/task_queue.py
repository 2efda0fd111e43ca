"""From the backlogs of requesters to the queue that workers take tasks from: caps, and fair share of time.

A requester has at most ``tasks_per_requester`` tasks in the queue and with workers, an app at most ``tasks_per_app``.
So a claim never searches through tasks that a cap excludes. Among tasks of one price per second each requester gets
an equal share of time by start-time fair queueing (Goyal, Vin and Cheng 1996): a task's ``virtual_start`` is the time
that its requester had before it, and at least that of the task that is next. Only the leader moves tasks: the caps hold
between replicas.
"""

from typing import Final

from sealgrid.pool.events import TaskQueued
from sealgrid.pool.matching import price_per_second
from sealgrid.pool.pool_store import Backlog, TaskChange, TaskRows
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import step

_PAGE: Final = 500  #: tasks of one backlog that move at once
_MOVES: Final = 1000  #: tasks that move in one call: others wait for its transaction
_BACKLOGS: Final = 100  #: that are looked at in one call


def fill_queue(rows: TaskRows, at: float, rules: PoolRules, after: Backlog | None = None) -> Backlog | None:
    """Move tasks from backlogs into the queue, as far as the caps allow.

    It begins behind a backlog, and returns the last one that it looked at, or None after the last of all.
    """
    left = _MOVES
    for _ in range(_BACKLOGS):
        backlog = rows.next_backlog(after)
        if backlog is None:
            return None
        room = _room(rows, backlog, rules)
        moved = _move(rows, backlog, room, at, rules) if room else 0
        left -= moved
        if moved < _PAGE:  # of a full page there may be more
            after = backlog
        if left < _PAGE:
            return backlog
    return after


def _room(rows: TaskRows, backlog: Backlog, rules: PoolRules) -> int:
    room = _PAGE
    if rules.tasks_per_requester:
        room = min(room, rules.tasks_per_requester - rows.open_of_requester(backlog.requester))
    if rules.tasks_per_app:
        room = min(room, rules.tasks_per_app - rows.open_of_app(backlog.app))
    return max(0, room)


def _move(rows: TaskRows, backlog: Backlog, room: int, at: float, rules: PoolRules) -> int:
    ends: dict[float, float] = {}  # price → virtual start of the requester's next task
    changes: list[TaskChange] = []
    for waiting in rows.backlog_tasks(backlog, room):
        price = price_per_second(waiting.deal)
        if price not in ends:
            ends[price] = rows.next_virtual_start(backlog.requester, price, waiting.deal.seconds)
        begin = ends[price]
        ends[price] = begin + waiting.deal.seconds
        queued, _ = step(
            waiting.task, waiting.deal, TaskQueued(task=waiting.task.task, at=at, virtual_start=begin), rules
        )
        changes.append(TaskChange(waiting.task, queued, waiting.deal))
    rows.save(changes)
    return len(changes)
