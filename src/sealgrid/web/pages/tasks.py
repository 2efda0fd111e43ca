"""Tasks: the live list, and each task's page with its timeline and payments."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from sealgrid.errors import NotFound
from sealgrid.sdk.money import Kind, MoneyState, sentence
from sealgrid.sdk.operations.follow import failure_of, public_history
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, is_waiting, waiting_sentence
from sealgrid.units import TaskId
from sealgrid.web.forms import parse_form, path_task
from sealgrid.web.index.reader import PAGE_SIZE, TaskFilter
from sealgrid.web.pages.sales import capitalised
from sealgrid.web.pages.task_filters import STATE_FILTERS, conditions_of
from sealgrid.web.site import Site, WebRequest, page_number
from sealgrid.web.task_states import shown_state
from sealgrid.web.timeline_limits import TimelineSlot
from sealgrid.web.wallets.signing_steps import signing_session
from sealgrid.wire.service_access import client_address

POLL_SECONDS = 0.3
_RECEIPT_POLLS: Final = 20
ENDED: Final = {"completed", "refunded"}

_STAGE_TEXTS: Final = {
    "waiting": "bought; waits for a machine",
    "working": "a machine works on it",
    "assigned": "a machine took it",
    "launched": "an enclave was launched",
    "attested": "the enclave proved its code to the vaults",
    "released": "the vaults released the keys to it",
    "running": "the app runs, without network",
    "sealed": "the result is sealed",
    "settled": "the vaults fetched the sealed result and signed their verdicts",
    "finalizing": "sent to the chain",
    "contributing": "enough machines agree on the result and commit to it on the chain",
    "revealing": "the machines reveal the result on the chain",
    "completed": "completed on the chain; the result may be opened",
    "failed": "no machine of the pool could finish it",
    "refunded": "closed on the chain: its price was returned",
}
_REFUSED_TEXT: Final = "the pool reports that the vaults refuse the deal"
_STEP_TEXTS: Final = {
    "initialize": "task initialised",
    "contribute": "result contributed",
    "finalize": "task finalised: verified and paid",
    "claimed": "task failed; its price was returned to the payer",
    "reopen": "task reopened",
}


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One stage in a task's timeline."""

    time: float
    text: str
    detail: str


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of tasks."""

    @get("/tasks")
    async def all_tasks(request: WebRequest) -> Response[bytes]:
        page, found = page_number(request), conditions_of(request)
        rows = site.index.tasks(found.task_filter(), page=page)
        context = {"page": page, "has_next_page": len(rows) > PAGE_SIZE, "conditions": found, "filters": STATE_FILTERS}
        return site.page(request, "tasks.html", context | await _list_context(site, rows[:PAGE_SIZE]))

    @get("/tasks/live")
    async def live_list(request: WebRequest) -> ServerSentEvent:
        async def render() -> str:
            rows = (await asyncio.to_thread(site.index.tasks, TaskFilter()))[:PAGE_SIZE]
            return site.render(request, "task_rows.html", await _list_context(site, rows))

        return ServerSentEvent(_stream_changes(render))

    @get("/tasks/{task:str}")
    async def one_task(task: FromPath[str], request: WebRequest) -> Response[bytes]:
        return site.page(request, "task.html", await _task_context(site, request, path_task(task)))

    @get("/tasks/{task:str}/live")
    async def live_timeline(task: FromPath[str], request: WebRequest) -> ServerSentEvent:
        task_id = path_task(task)
        slot = site.timeline_limits.acquire(client_address(request.scope), task_id)
        return ServerSentEvent(_stream_timeline(site, request, task_id, slot))

    @post("/tasks/{task:str}/claim")
    async def claim(task: FromPath[str], request: WebRequest) -> Response[Any]:
        session, _ = await signing_session(site, request), await parse_form(request)
        row = _task_row(site, path_task(task))
        await session.client.claim(row.task, deal=row.deal)
        claimed = replace(money_of_row(row, 0), kind="refunded")  # an external wallet sends it before this is shown
        return await session.finish(f"/tasks/{task}", f"The refund is claimed. {sentence(claimed)}")

    return [all_tasks, live_list, one_task, live_timeline, claim]


async def _list_context(site: Site, rows: Sequence[Any]) -> dict[str, Any]:
    names = site.index.names({row.app for row in rows} | {row.dataset for row in rows})
    return {"tasks": rows, "names": names, "states": await site.task_states.shown(rows)}


async def _stream_changes(render: Callable[[], Awaitable[str]]) -> AsyncIterator[ServerSentEventMessage]:
    previous = None
    while True:
        if (current := await render()) != previous:
            previous = current
            yield ServerSentEventMessage(data=current, event="change")
        await asyncio.sleep(POLL_SECONDS)


async def _stream_timeline(
    site: Site, request: WebRequest, task: TaskId, slot: TimelineSlot
) -> AsyncIterator[ServerSentEventMessage]:
    """Send the timeline whenever it changes, until the task has ended."""
    previous = None
    try:
        while True:
            context = await _task_context(site, request, task)
            if (current := site.render(request, "timeline.html", context)) != previous:
                previous = current
                yield ServerSentEventMessage(data=current, event="change")
            if context["task"].state in ENDED:
                yield ServerSentEventMessage(data=await _final_state(site, request, task), event="state")
                yield ServerSentEventMessage(data="", event="end")
                return
            await asyncio.sleep(POLL_SECONDS)
    finally:  # a cancelled stream's frame may wait for the garbage collector
        site.timeline_limits.release(slot)


async def _final_state(site: Site, request: WebRequest, task: TaskId) -> str:
    """Return the badge of an ended task; wait some seconds for the index to verify its receipt."""
    for _ in range(_RECEIPT_POLLS):
        row = await asyncio.to_thread(_task_row, site, task)
        if row.state != "completed" or row.exit_class is not None:
            break
        await asyncio.sleep(POLL_SECONDS)
    return site.render(request, "task_state.html", {"state": shown_state(row)})


def _task_row(site: Site, task: TaskId) -> Any:
    row = site.index.task(task)
    if row is None:
        raise NotFound("the chain has no such task; a new one appears within a second.", money="")
    return row


def money_of_row(row: Any, now: int) -> MoneyState:
    """Return the state of a task's price from its index row; ``now`` is the chain's time, Unix seconds."""
    sponsor = None if row.sponsor == row.requester else row.sponsor
    ended: dict[str, Kind] = {"completed": "paid", "refunded": "refunded"}
    kind = ended.get(row.state, "refundable" if now >= row.final_deadline else "locked")
    return MoneyState(kind, row.task, row.final_deadline, sponsor)


async def _task_context(site: Site, request: WebRequest, task: TaskId) -> dict[str, Any]:
    row = _task_row(site, task)
    visitor, has_ended = site.visitor_address(request), row.state in ENDED
    is_requester = row.requester == visitor
    if is_requester and site.dev_account(request):
        stages = await (await site.client(request)).stages(task)
    else:  # the pool gives the exact stages for a signed request only; an external wallet is not asked to sign it
        stages = await public_history(site.conn, task)
    now = 0 if has_ended else (await site.hub.node.block()).timestamp  # the deadline is in the chain's time
    money, age = money_of_row(row, now), int(max(now, site.clock())) - row.time
    failed = stages[-1] if stages and stages[-1].stage == "failed" and not has_ended else None
    shows_notice = money.kind == "locked" and age >= PATIENCE_SECONDS and is_waiting(stages)
    waiting = waiting_sentence(row.workerpool, int(PATIENCE_SECONDS), money, commands=False) if shows_notice else ""
    steps = site.index.steps(task)
    return {
        "task": row,
        "deal_states": site.index.deal_states(row.deal) if row.bot_size > 1 else {},
        "names": site.index.names({row.app, row.dataset, row.workerpool}),
        "state": shown_state(row, stages),
        "failure": capitalised([failure_of(failed).message])[0] if failed else "",
        "timeline": [
            TimelineLine(stage.at, _REFUSED_TEXT if stage.check else _STAGE_TEXTS[stage.stage], stage.detail)
            for stage in stages
        ],
        "chain_steps": [step for step in steps if step.kind != "reward"],
        "step_texts": _STEP_TEXTS,
        "payments": [step for step in steps if step.kind == "reward" and step.amount],
        "is_requester": is_requester,
        "is_sponsor": row.sponsor == visitor,
        "has_ended": has_ended,
        "is_refundable": money.kind == "refundable",
        "money": sentence(money, commands=False),
        "waiting": waiting,
    }
