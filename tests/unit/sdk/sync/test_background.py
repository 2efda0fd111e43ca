"""The one loop behind the blocking clients: it lives as long as somebody uses it, and passes everything through."""

import asyncio
import contextlib
import threading

import pytest

from sealgrid.sdk.sync.background import BACKGROUND, BackgroundContext, BackgroundLoop


@contextlib.asynccontextmanager
async def context(log):
    log.append("entered")
    yield threading.current_thread().name
    log.append("left")


def test_a_context_is_entered_and_left_on_the_background_thread_which_then_ends():
    log = []
    opened = BackgroundContext(context(log))
    assert opened.value == "sealgrid"
    opened.close()
    opened.close()
    assert log == ["entered", "left"]
    assert "sealgrid" not in {thread.name for thread in threading.enumerate()}


def test_two_clients_share_one_thread_and_the_first_to_close_does_not_end_it():
    first, second = BackgroundContext(context([])), BackgroundContext(context([]))
    assert [thread.name for thread in threading.enumerate()].count("sealgrid") == 1
    first.close()
    assert BACKGROUND.run(asyncio.sleep(0, "still here")) == "still here"
    second.close()


def test_an_error_of_the_work_is_raised_to_its_caller():
    async def fail():
        raise KeyError("inside")

    background = BackgroundLoop()
    background.enter()
    with pytest.raises(KeyError, match="inside"):
        background.run(fail())
    background.leave()


def test_a_context_that_does_not_open_leaves_no_thread_behind():
    @contextlib.asynccontextmanager
    async def shut():
        raise KeyError("shut")
        yield

    with pytest.raises(KeyError):
        BackgroundContext(shut())
    assert "sealgrid" not in {thread.name for thread in threading.enumerate()}


def test_a_closed_client_raises():
    with pytest.raises(RuntimeError, match="closed"):
        BackgroundLoop().run(asyncio.sleep(0))


def test_use_from_its_own_callback_is_refused_instead_of_waiting_for_itself():
    async def inside():
        background.run(asyncio.sleep(0))

    background = BackgroundLoop()
    background.enter()
    with pytest.raises(RuntimeError, match="callbacks"):
        background.run(inside())
    background.leave()
