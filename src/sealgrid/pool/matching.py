"""Matching of tasks and workers: which worker may take a task, and what a worker's failures mean. Pure."""

from typing import Final

import msgspec

from sealgrid.poco.tags import TEE_BIT, bits
from sealgrid.pool.events import DealMatched
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import PoolTask
from sealgrid.units import Address, Digest
from sealgrid.wire.pool import WorkerCapabilities

LOCAL_WINDOW: Final = 16  #: tasks of one requester by which a task that is elsewhere in a cache may be overtaken
ACTIVE_SECONDS: Final = 60.0  #: a worker that requested a job within this time counts as one that may take a task
LONGEST_PAUSE: Final = 600.0  #: seconds, of a worker and an app, after many failures
_TASKS: Final = 64  #: that a worker may have, for the rule about failures, if the pool sets no limit
MAX_TAG: Final = 1 << 62  #: above all bits of tags that databases compare


class KnownWorker(msgspec.Struct, frozen=True):
    """A worker as it requested a job last."""

    worker: Address
    requested_at: float  #: Unix seconds
    capabilities: WorkerCapabilities


class AppFailures(msgspec.Struct, frozen=True):
    """Tasks of one app that one worker lost since it last completed one."""

    worker: Address
    app: Address
    count: int
    at: float  #: of the last one, Unix seconds


def fits(capabilities: WorkerCapabilities, deal: DealMatched) -> bool:
    """Return whether a worker can run the tasks of a deal, and takes them."""
    required = requirement(deal.tag)
    return (
        required >= 0
        and not required & ~bits(capabilities.tag)
        and (not capabilities.enclaves_only or bool(required & bits(TEE_BIT)))
        and (not capabilities.memory or deal.memory <= capabilities.memory)
        and (not capabilities.apps or deal.app in capabilities.apps)
        and (not capabilities.requesters or deal.requester in capabilities.requesters)
    )


def requirement(tag: Digest) -> int:
    """Return a tag as a number that databases compare; -1, which no worker meets, for unknown bits."""
    return bits(tag) if bits(tag) < MAX_TAG else -1


def start_by(deal: DealMatched) -> int:
    """Return until when a task must start to end before its contribution deadline, by the chain's clock."""
    return deal.contribution_deadline - deal.seconds


def price_per_second(deal: DealMatched) -> float:
    """Return the price of a task in nRLC per second of its category."""
    return deal.price / max(1, deal.seconds)


def cached_files(capabilities: WorkerCapabilities, deal: DealMatched) -> int:
    """Return how many of the files of a deal a worker has."""
    return sum(file in capabilities.cached for file in deal.files)


def allowed_tasks(failures: AppFailures | None, rules: PoolRules) -> int:
    """Return how many tasks of an app a worker may have: half as many after each failure, one at least."""
    return max(1, (rules.tasks_per_worker or _TASKS) >> min(failures.count if failures else 0, 8))


def pause_ends(failures: AppFailures | None, rules: PoolRules) -> float:
    """Return from which time a worker may take tasks of an app: from the second failure on it pauses, ever longer."""
    if failures is None:
        return 0.0
    return failures.at + min(LONGEST_PAUSE, rules.retry * ((1 << min(failures.count - 1, 16)) - 1))


def losses(before: PoolTask, after: PoolTask) -> tuple[Address, ...]:
    """Return the workers whose losses of a task, by their own doing, count between two states.

    A refusal of the vaults that a worker reported counts only once they deny it. A result that reverted at the pool's
    cost counts like a loss. What is lost beside another worker may be lost to it: it counts if that one loses it, too.
    """
    if after.reverts > before.reverts:
        lost = before.worker
    elif len(after.excluded) > len(before.excluded):
        lost = after.excluded[-1]
    elif after.losses == before.losses or after.claimed_check:
        return ()
    else:
        lost = after.losses[-1][0]
    if lost is None or lost in after.uncounted:
        return ()
    return (*(each for each in before.uncounted if each not in {lost, *after.uncounted}), lost)


def success(before: PoolTask, after: PoolTask) -> Address | None:
    """Return the worker that has completed a task between two states."""
    return after.worker if after.stage == "completed" and before.stage != "completed" else None
