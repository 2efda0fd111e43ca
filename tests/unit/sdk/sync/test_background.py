"""The one loop behind the blocking clients: it lives as long as somebody uses it, and passes everything through."""

import asyncio
import contextlib
import os
import signal
import threading
import traceback

import pytest

from sealgrid.chain.endpoint import Endpoint
from sealgrid.errors import ClientForked
from sealgrid.sdk.sync.background import BACKGROUND, BackgroundContext, BackgroundLoop
from sealgrid.wire.http_transport import HttpTransport


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


def in_a_fork(work) -> int:
    """Run ``work`` in a forked process and return its exit code; a hanging one is ended by its alarm."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  the last frame of this process
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_client_of_the_parent_process_is_refused_after_a_fork_instead_of_hanging():
    opened = BackgroundContext(context([]))

    def use_it() -> None:
        with pytest.raises(ClientForked, match="open one in this process"):
            BACKGROUND.run(asyncio.sleep(0))
        opened.close()

    assert in_a_fork(use_it) == 0
    assert BACKGROUND.run(asyncio.sleep(0, "the parent goes on")) == "the parent goes on"
    opened.close()


def test_a_forked_process_opens_clients_of_its_own():
    opened = BackgroundContext(context([]))

    def open_another() -> None:
        own = BackgroundContext(context([]))
        assert BACKGROUND.run(asyncio.sleep(0, "own")) == "own"
        own.close()

    assert in_a_fork(open_another) == 0
    opened.close()


def test_connections_of_the_parent_process_are_refused_on_the_loop_of_the_child():
    opened = BackgroundContext(context([]))
    service, node = HttpTransport("http://127.0.0.1:9"), Endpoint("http://127.0.0.1:9")

    def use_them() -> None:
        own = BackgroundContext(context([]))
        for request in (service.request("GET", "/"), node.request("eth_chainId", action="Reading")):
            with pytest.raises(ClientForked):
                BACKGROUND.run(request)
        own.close()

    assert in_a_fork(use_them) == 0
    opened.close()


def test_an_asynchronous_generator_is_stepped_and_closed_on_the_background_thread():
    log = []

    async def source():
        try:
            for number in (1, 2, 3):
                log.append(threading.current_thread().name)
                yield number
        finally:
            log.append("closed")

    opened = BackgroundContext(context([]))
    steps = BACKGROUND.iterate(source())
    assert [next(steps), next(steps)] == [1, 2]
    steps.close()
    assert log == ["sealgrid", "sealgrid", "closed"]
    assert list(BACKGROUND.iterate(source())) == [1, 2, 3]
    opened.close()
