"""Every task that was bought here, newest first; the first page grows by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent, ServerSentEventMessage

from sealgrid.web.index.index import PAGE, TaskFilter
from sealgrid.web.site import Ask, Site, page_of, text_of

POLL_SECONDS = 0.3


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/tasks")
    async def everyone(request: Ask) -> Response[bytes]:
        page, state = page_of(request), text_of(request, "state")
        rows = site.index.tasks(TaskFilter(state=state), page=page)
        context = {"page": page, "more": len(rows) > PAGE, "state": state} | named(site, rows[:PAGE])
        return site.page(request, "tasks.html", context)

    @get("/tasks/live")
    async def live(request: Ask) -> ServerSentEvent:
        def now() -> str:
            return site.part(request, "rows_of_tasks.html", named(site, site.index.tasks(TaskFilter())[:PAGE]))

        return ServerSentEvent(_changes(now))

    return [everyone, live]


def named(site: Site, rows: Sequence[Any]) -> dict[str, Any]:
    """Return rows of tasks with the names of their apps and models."""
    return {"tasks": rows, "names": site.index.names({row.app for row in rows} | {row.dataset for row in rows})}


async def _changes(now: Callable[[], str]) -> AsyncIterator[ServerSentEventMessage]:
    before = None
    while True:
        if (current := await asyncio.to_thread(now)) != before:
            before = current
            yield ServerSentEventMessage(data=current, event="change")
        await asyncio.sleep(POLL_SECONDS)
