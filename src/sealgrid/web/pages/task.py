"""One task: its timeline as it grows, its money, its receipt, and for whoever bought it, its result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent, ServerSentEventMessage

from sealgrid.errors import AppFailed, NotFound, SealgridError
from sealgrid.receipts.report import VerificationReport
from sealgrid.sdk.money import Kind, MoneyState, sentence
from sealgrid.sdk.operations import buy, fetch_receipt
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS, waiting_sentence, waits
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.units import TaskId, to_digest
from sealgrid.web.forms import form_of
from sealgrid.web.pages.tasks import POLL_SECONDS
from sealgrid.web.signing_steps import acting
from sealgrid.web.site import Ask, Site
from sealgrid.web.timeline_limits import TimelineSlot
from sealgrid.wire.pool import StageAt
from sealgrid.wire.service_access import client_address

MOST_SHOWN = 20_000  #: characters of a text file on the page; the whole of it is a click away
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
FORMAL = {"computed.json", "sealgrid.json"}  #: of iExec's convention and of ours, in every result
ENDED = {"completed", "refunded"}


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One step of the timeline."""

    at: float
    what: str
    detail: str


_WORDS = {
    "waiting": "bought; waits for a machine",
    "working": "a machine works on it",
    "assigned": "a machine took it",
    "launched": "an enclave was launched",
    "attested": "the enclave proved to the vaults what it runs",
    "released": "the vaults released the keys to it",
    "running": "the app runs, without network",
    "sealed": "the result is sealed",
    "settled": "the vaults fetched the sealed result and gave their verdicts",
    "finalizing": "sent to the chain",
    "completed": "completed on the chain; the result may be opened",
    "failed": "this machine failed",
    "refunded": "closed on the chain: no machine finished it",
}
_CHAIN = {
    "initialize": "task initialised",
    "contribute": "result contributed",
    "finalize": "task finalised: verified and paid",
    "claimed": "task failed; whoever paid was refunded",
    "reopen": "task reopened",
}


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""
    return [*_told(site), *_receipt(site), *_result(site)]


def _told(site: Site) -> list[HTTPRouteHandler]:
    @get("/tasks/{task:str}")
    async def one(task: str, request: Ask) -> Response[bytes]:
        return site.page(request, "task.html", await _story(site, request, _task_id(task)))

    @get("/tasks/{task:str}/live")
    async def follow(task: str, request: Ask) -> ServerSentEvent:
        followed = _task_id(task)
        place = site.followers.enter(client_address(request.scope), followed)
        return ServerSentEvent(_until_it_ends(site, request, followed, place))

    @post("/tasks/{task:str}/claim")
    async def claim(task: str, request: Ask) -> Response[Any]:
        me, _ = await acting(site, request), await form_of(request)
        row = _row(site, _task_id(task))
        await me.client.claim(row.task, deal=row.deal)
        claimed = replace(money_of_row(row, 0), kind="refunded")  # a wallet of one's own does it before this is read
        return await me.done(f"/tasks/{task}", f"The refund is claimed. {sentence(claimed)}")

    return [one, follow, claim]


def _receipt(site: Site) -> list[HTTPRouteHandler]:
    @get("/tasks/{task:str}/checks")
    async def checks(task: str, request: Ask) -> Response[bytes]:
        report: VerificationReport | None = None
        problem = ""
        try:
            envelope = await fetch_receipt.fetch_receipt(site.reader, _task_id(task))
            report = await fetch_receipt.verify_on_line(site.reader, envelope)
        except SealgridError as error:
            problem = error.message
        return site.asked_part(request, "checks.html", {"report": report, "problem": problem, "task": task})

    @get("/tasks/{task:str}/receipt.json")
    async def receipt(task: str) -> Response[bytes]:
        content = await fetch_receipt.fetch_receipt(site.reader, _task_id(task))
        return Response(content, media_type=MediaType.JSON, headers={"content-disposition": "attachment"})

    return [checks, receipt]


def _result(site: Site) -> list[HTTPRouteHandler]:
    @get("/tasks/{task:str}/result")
    async def result(task: str, request: Ask) -> Response[bytes]:
        opened, said = await _opened(await _run(site, request, _task_id(task)))
        files = [_shown(name, content) for name, content in sorted(opened.files.items())]
        return site.asked_part(request, "result.html", {"task": task, "files": files, "said": said, "formal": FORMAL})

    @get("/tasks/{task:str}/result/{name:str}")
    async def file(task: str, name: str, request: Ask) -> Response[bytes]:
        opened, _ = await _opened(await _run(site, request, _task_id(task)))
        if name not in opened.files:
            raise NotFound(f"the result has no file {name[:80]!r}.", money="")
        kind = PICTURES.get(PurePath(name).suffix.lower(), "application/octet-stream")
        shown = "inline" if kind in PICTURES.values() else "attachment"
        return Response(opened.files[name], media_type=kind, headers={"content-disposition": shown})

    return [result, file]


def _task_id(text: str) -> TaskId:
    try:
        return TaskId(to_digest(text.lower()))
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is no task.", money="") from error


async def _until_it_ends(
    site: Site, request: Ask, task: TaskId, slot: TimelineSlot
) -> AsyncIterator[ServerSentEventMessage]:
    before = None
    try:
        while True:
            story = await _story(site, request, task)
            if (current := site.part(request, "story.html", story)) != before:
                before = current
                yield ServerSentEventMessage(data=current, event="change")
            if story["task"].state in ENDED:
                yield ServerSentEventMessage(data="", event="end")
                return
            await asyncio.sleep(POLL_SECONDS)
    finally:  # the frame of a stream that was cancelled may wait for the garbage collector
        site.followers.leave(slot)


def _row(site: Site, task: TaskId) -> Any:
    row = site.index.task(task)
    if row is None:
        raise NotFound("the chain has no such task; one that was just bought appears within a second.", money="")
    return row


def money_of_row(row: Any, now: int) -> MoneyState:
    """Return where the price of a task is that the index has; ``now`` is the chain's time, Unix seconds."""
    sponsor = None if row.sponsor == row.requester else row.sponsor
    ended: dict[str, Kind] = {"completed": "paid", "refunded": "refunded"}
    kind = ended.get(row.state, "refundable" if now >= row.final_deadline else "locked")
    return MoneyState(kind, row.task, row.final_deadline, sponsor)


async def _story(site: Site, request: Ask, task: TaskId) -> dict[str, Any]:
    row = _row(site, task)
    steps, mine = site.index.steps(task), _mine(site, request, row)
    stages = await _stages(site, request, task, mine=mine)
    lines = [TimelineLine(stage.at, _WORDS[stage.stage], stage.detail) for stage in stages]
    now = 0 if row.state in ENDED else (await site.hub.node.block()).timestamp  # the chain's clock decides
    money, age = money_of_row(row, now), int(max(now, site.clock())) - row.time
    waiting = money.kind == "locked" and age >= PATIENCE_SECONDS and waits(stages)
    return {
        "task": row,
        "names": site.index.names({row.app, row.dataset, row.workerpool}),
        "lines": lines,
        "chain": [step for step in steps if step.kind != "reward"],
        "words": _CHAIN,
        "payments": [step for step in steps if step.kind == "reward" and step.amount],
        "mine": mine,
        "paid_by_me": row.sponsor == site.me(request),
        "ended": row.state in ENDED,
        "late": money.kind == "refundable",
        "money": sentence(money, commands=False),
        "waiting": waiting_sentence(row.workerpool, int(PATIENCE_SECONDS), money, commands=False) if waiting else "",
    }


async def _stages(site: Site, request: Ask, task: TaskId, *, mine: bool) -> tuple[StageAt, ...]:
    # A wallet of the visitor's own would have to sign for the exact stages.
    if mine and site.account(request):
        return await (await site.client(request)).stages(task)
    return await buy.public_history(site.reader, task)


def _mine(site: Site, request: Ask, row: Any) -> bool:
    return bool(row.requester == site.me(request))


async def _run(site: Site, request: Ask, task: TaskId) -> AsyncRun:
    return (await site.client(request)).reopen(task)


async def _opened(run: AsyncRun) -> tuple[RunResult, str]:
    try:
        return await run.result(), ""
    except AppFailed as error:
        return await run.opened(), str(error)


def _shown(name: str, content: bytes) -> dict[str, Any]:
    picture = PurePath(name).suffix.lower() in PICTURES
    text = None if picture or b"\0" in content[:1000] else content[:MOST_SHOWN].decode(errors="replace")
    return {"name": name, "size": len(content), "picture": picture, "text": text}
