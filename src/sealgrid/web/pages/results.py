"""Results of tasks: the checks of the receipt, the receipt itself, and the files of an opened result."""

from pathlib import PurePath
from typing import Final

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import AppFailed, NotFound, SealgridError
from sealgrid.receipts.report import VerificationReport
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.units import TaskId
from sealgrid.web.forms import path_task
from sealgrid.web.site import Site, WebRequest

MAX_SHOWN: Final = 20_000  #: characters of a text file on the page; the link saves the whole file
IMAGE_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
PROTOCOL_FILES: Final = {"computed.json", "sealgrid.json"}  #: iExec's and ours, in every result


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of receipts and results."""

    @get("/tasks/{task:str}/checks")
    async def checks(task: FromPath[str], request: WebRequest) -> Response[bytes]:
        report: VerificationReport | None = None
        problem = ""
        try:
            envelope = await fetch_receipt.fetch_receipt(site.conn, path_task(task))
            report = await fetch_receipt.verify_online(site.conn, envelope)
        except SealgridError as error:
            problem = error.message
        return site.fragment(request, "checks.html", {"report": report, "problem": problem, "task": task})

    @get("/tasks/{task:str}/receipt.json")
    async def receipt(task: FromPath[str]) -> Response[bytes]:
        content = await fetch_receipt.fetch_receipt(site.conn, path_task(task))
        return Response(content, media_type=MediaType.JSON, headers={"content-disposition": "attachment"})

    @get("/tasks/{task:str}/result")
    async def result(task: FromPath[str], request: WebRequest) -> Response[bytes]:
        opened, failure = await _open_result(site, request, path_task(task))
        files = []
        for name, content in sorted(opened.files.items()):
            is_image = PurePath(name).suffix.lower() in IMAGE_TYPES
            text = None if is_image or b"\0" in content[:1000] else content[:MAX_SHOWN].decode(errors="replace")
            files.append({"name": name, "size": len(content), "is_image": is_image, "text": text})
        context = {
            "task": task,
            "files": files,
            "failure": failure,
            "protocol_files": PROTOCOL_FILES,
            "log_file": opened.log_file,
            "log_tail": opened.log_tail(),
        }
        return site.fragment(request, "result.html", context)

    @get("/tasks/{task:str}/result/{name:str}")
    async def file(task: FromPath[str], name: FromPath[str], request: WebRequest) -> Response[bytes]:
        opened, _ = await _open_result(site, request, path_task(task))
        if name not in opened.files:
            raise NotFound(f"the result has no file {name[:80]!r}.", money="")
        media_type = IMAGE_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
        disposition = "inline" if media_type in IMAGE_TYPES.values() else "attachment"
        return Response(opened.files[name], media_type=media_type, headers={"content-disposition": disposition})

    return [checks, receipt, result, file]


async def _open_result(site: Site, request: WebRequest, task: TaskId) -> tuple[RunResult, str]:
    """Return a run's result, and the failure of its app; empty if the app succeeded."""
    run = (await site.client(request)).reopen(task)
    try:
        return await run.result(), ""
    except AppFailed as error:
        return await run.opened(), str(error)
