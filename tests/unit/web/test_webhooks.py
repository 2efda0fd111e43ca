"""Webhooks: each event once, repeated until it is accepted, kept over a restart, to HTTP URLs only."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.errors import InputRefused
from sealgrid.units import to_address
from sealgrid.web.webhooks import FIRST_RETRY_SECONDS, Webhooks

OWNER = to_address(b"\x0b" * 20)
URL = "http://127.0.0.1:9000/events"


class Scene:
    """A receiver whose status tests set, the events of an account, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.file, self.now, self.status = folder / "web" / "webhooks.json", 1000.0, 204
        self.events: list[dict[str, Any]] = []
        self.received: list[str] = []
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._receive))
        self.hooks = self.opened()

    def opened(self) -> Webhooks:
        return Webhooks(self.file, {"owner": OWNER}, self._events, lambda: self.now)

    def add(self, name: str, time: int) -> None:
        self.events.append({"kind": "sold", "id": name, "asset": "0x1", "time": time})

    def _events(self, account: str, since: int, now: int) -> list[dict[str, Any]]:
        return sorted((event for event in self.events if event["time"] > since), key=lambda event: event["time"])

    def _receive(self, request: httpx.Request) -> httpx.Response:
        event = json.loads(request.content)
        assert (str(request.url), event["account"]) == (URL, OWNER)
        self.received.append(event["id"])
        return httpx.Response(self.status)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_events_are_sent_once_and_none_from_before(scene: Scene) -> None:
    scene.add("old", 999)
    await scene.hooks.set("owner", URL)
    scene.add("a", 1005)
    scene.add("b", 1006)
    assert await scene.hooks.step(scene.client) == 2
    scene.add("late", 1004)
    await scene.hooks.step(scene.client)
    await scene.hooks.step(scene.client)
    assert scene.received == ["a", "b", "late"]


async def test_an_event_that_is_not_accepted_is_sent_again_after_a_wait_that_doubles(scene: Scene) -> None:
    await scene.hooks.set("owner", URL)
    scene.add("a", 1005)
    scene.status = 500
    for wait in (FIRST_RETRY_SECONDS, 2 * FIRST_RETRY_SECONDS):
        await scene.hooks.step(scene.client)
        sent = len(scene.received)
        scene.now += wait - 1
        await scene.hooks.step(scene.client)
        assert len(scene.received) == sent
        scene.now += 1
    assert scene.hooks.failures("owner") == 2
    scene.status = 200
    await scene.hooks.step(scene.client)
    assert (scene.received, scene.hooks.failures("owner")) == (["a", "a", "a"], 0)


async def test_a_redirect_is_not_followed(scene: Scene) -> None:
    await scene.hooks.set("owner", URL)
    scene.add("a", 1005)
    scene.status = 307
    assert await scene.hooks.step(scene.client) == 0
    assert scene.received == ["a"]


async def test_a_webhook_survives_a_restart_and_ends_when_it_is_removed(scene: Scene) -> None:
    await scene.hooks.set("owner", URL)
    scene.add("a", 1005)
    await scene.hooks.step(scene.client)
    assert scene.file.stat().st_mode & 0o077 == 0
    reopened = scene.opened()
    assert reopened.url("owner") == URL
    scene.add("b", 1006)
    await reopened.step(scene.client)
    await reopened.set("owner", "")
    scene.add("c", 1007)
    await reopened.step(scene.client)
    assert (scene.received, scene.opened().url("owner")) == (["a", "b"], "")


@pytest.mark.parametrize(
    "url", ["ftp://x/", "file:///etc/passwd", "http://", "x", "http://[1", "http://a:99999/", "http://a/\n"]
)
async def test_another_address_is_refused(scene: Scene, url: str) -> None:
    with pytest.raises(InputRefused, match="is not an HTTP URL"):
        await scene.hooks.set("owner", url)
    with pytest.raises(InputRefused, match="no wallet of that name"):
        await scene.hooks.set("stranger", URL)
