"""Results: text and images on the page, any other file as an attachment."""

from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.errors import AppFailed
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.web.pages.results import MAX_SHOWN
from sealgrid.web.site import Site
from tests.unit.web.site_scene import browser

TASK = "0x" + "11" * 32
FILES = {
    "a.txt": b"<b>text</b>",
    "long.txt": b"x" * (MAX_SHOWN + 1),
    "picture.png": b"\x89PNG",
    "raw.bin": b"\0\1",
    "page.html": b"<script>alert(1)</script>",
    "app.log": b"reading\n<i>3 rows</i>\n",
    "sealgrid.json": b'{"exit":0,"log":"app.log"}',
}


class FinishedRun:
    """A run whose app succeeded, or failed with files."""

    def __init__(self, error: AppFailed | None = None) -> None:
        self._error = error

    async def result(self) -> Any:
        if self._error:
            raise self._error
        return await self.opened()

    async def opened(self) -> Any:
        return RunResult(FILES)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[FinishedRun]:
    """Return a list whose one run every visitor reopens."""
    runs = [FinishedRun()]

    async def client(*_: object) -> Any:
        return SimpleNamespace(reopen=lambda task: runs[0])

    monkeypatch.setattr(Site, "client", client)
    return runs


async def test_text_is_escaped_and_cut(site: Site, run: list[FinishedRun]) -> None:
    shown = (await browser(site).get(f"/tasks/{TASK}/result", headers={"hx-request": "1"})).text
    assert "&lt;b&gt;text&lt;/b&gt;" in shown
    assert "x" * MAX_SHOWN in shown
    assert "x" * (MAX_SHOWN + 1) not in shown


@pytest.mark.parametrize(
    ("name", "media_type", "disposition"),
    [
        ("picture.png", "image/png", "inline"),
        ("raw.bin", "application/octet-stream", "attachment"),
        ("page.html", "application/octet-stream", "attachment"),
    ],
)
async def test_only_images_are_opened_in_the_browser(
    site: Site, run: list[FinishedRun], name: str, media_type: str, disposition: str
) -> None:
    reply = await browser(site).get(f"/tasks/{TASK}/result/{name}")
    assert (reply.content, reply.headers["content-disposition"]) == (FILES[name], disposition)
    assert reply.headers["content-type"].startswith(media_type)


async def test_a_file_that_the_result_lacks_is_not_found(site: Site, run: list[FinishedRun]) -> None:
    assert (await browser(site).get(f"/tasks/{TASK}/result/other.txt")).status_code == 404


async def test_the_log_is_shown_apart_from_the_outputs(site: Site, run: list[FinishedRun]) -> None:
    shown = (await browser(site).get(f"/tasks/{TASK}/result", headers={"hx-request": "1"})).text
    assert "<h3>Log of the app</h3>" in shown
    assert "reading\n&lt;i&gt;3 rows&lt;/i&gt;" in shown
    assert shown.count("app.log</a>") == 1


async def test_the_files_of_a_failed_app_are_shown_with_its_error(site: Site, run: list[FinishedRun]) -> None:
    run[0] = FinishedRun(AppFailed("the app failed: no table."))
    shown = (await browser(site).get(f"/tasks/{TASK}/result")).text
    assert "the app failed: no table." in shown
    assert "raw.bin" in shown
