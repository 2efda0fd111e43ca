"""Choose PoCo's category of a purchase by the time that its tasks may take."""

import asyncio
from dataclasses import replace

from sealgrid.errors import OrderRefused, SealgridError
from sealgrid.poco.constants import CONTRIBUTION_DEADLINE_RATIO
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.deal_terms import choose_offers
from sealgrid.sdk.progress import Progress, ProgressStep
from sealgrid.sdk.run_request import RunRequest


async def contribution_seconds(conn: Connection, request: RunRequest) -> int:
    """Return the seconds after a deal in which all of its tasks must end, in the category of a request."""
    category = conn.network.short_category if request.category is None else request.category
    return CONTRIBUTION_DEADLINE_RATIO * (await conn.hub.view_category(category)).timeref


async def with_time(conn: Connection, request: RunRequest, seconds: float) -> RunRequest:
    """Return the request in the shortest category on offer in which its tasks have these seconds after their deal.

    The network's short category comes first. Raises OrderRefused when none that is long enough is offered.
    """
    if await contribution_seconds(conn, request) >= seconds:
        return request
    numbers = range(await conn.hub.count_categories())
    views = await asyncio.gather(*(conn.hub.view_category(number) for number in numbers))
    by_time = sorted(
        (CONTRIBUTION_DEADLINE_RATIO * view.timeref, number) for number, view in zip(numbers, views, strict=True)
    )
    for _, number in (each for each in by_time if each[0] >= seconds):
        longer = replace(request, category=number)
        try:
            await choose_offers(conn, replace(longer, tasks=1, max_price=None))
        except OrderRefused:
            continue
        return longer
    if by_time[-1][0] < seconds:
        why = f"the longest category of this network ends after {by_time[-1][0]} s; make the tasks smaller."
    else:
        why = "no pool sells a category that is long enough (sealgrid pool offer --category); make the tasks smaller."
    raise OrderRefused(f"nobody offers computing whose tasks may take {seconds:.0f} s after their deal: {why}")


async def with_time_for_all(
    conn: Connection,
    request: RunRequest,
    expected: float | None,
    max_time: float | None,
    on_progress: Progress,
) -> RunRequest:
    """Return the request of a bag in a category in which the pool's workers can compute all of its tasks.

    ``expected`` seconds is one run by past runs; a ``max_time`` is taken as it is. Where no category that is long
    enough is on offer, the request stays as it is if one task fits it; else OrderRefused is raised.
    """
    if max_time is not None:
        return await with_time(conn, request, max_time)
    seconds = await contribution_seconds(conn, request)
    if expected is None or expected * request.tasks <= seconds:
        return request
    needed = max(expected, expected * request.tasks / max(1, await _workers(conn)))
    try:
        longer = await with_time(conn, request, needed)
    except OrderRefused:
        if expected > seconds:
            raise
        return request
    if longer is not request:
        on_progress(
            ProgressStep(f"chose a longer category: {request.tasks} tasks of about {expected:g} s each", lasting=True)
        )
    return longer


async def _workers(conn: Connection) -> int:
    try:
        return (await conn.pool.view()).workers
    except SealgridError:
        return 1
