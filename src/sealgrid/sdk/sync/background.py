"""The event loop of all blocking clients, on a background thread."""

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from sealgrid.errors import ClientForked

T = TypeVar("T")

_process = os.getpid()  #: the one that imported this module; in another one all clients of its parent are unusable


class BackgroundLoop:
    """A loop that lives while at least one client uses it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the loop of the parent process, after a fork: its thread does not exist in the child."""
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        """Start the loop for its first user."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="sealgrid", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        """End the loop with its last user."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def iterate(self, source: AsyncGenerator[T, None]) -> Iterator[T]:
        """Yield what an asynchronous generator yields; each step runs as ``run`` does."""

        async def step() -> T | None:
            return await anext(source, None)

        try:
            while (value := self.run(step())) is not None:
                yield value
        finally:
            self.run(source.aclose())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one coroutine to its end, from any thread; Ctrl-C cancels it."""
        if self._loop is None:
            work.close()
            if _process != os.getpid():
                raise ClientForked
            raise RuntimeError("this client is closed")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a blocking client cannot be used from within its own callbacks")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            concurrent.futures.wait([future], timeout=5)
            raise


BACKGROUND = BackgroundLoop()
os.register_at_fork(after_in_child=BACKGROUND.reset)


class BackgroundContext(Generic[T]):
    """An asynchronous context, entered and left on the background loop."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self._context = context
        self._open = False
        self._process = os.getpid()
        BACKGROUND.enter()
        try:
            self.value = BACKGROUND.run(self._enter())
        except BaseException:
            BACKGROUND.leave()
            raise
        self._open = True

    def close(self) -> None:
        """Leave the context; closing twice does nothing, nor closing in a forked process, which has no connections."""
        if self._open and os.getpid() == self._process:
            self._open = False
            try:
                BACKGROUND.run(self._exit())
            finally:
                BACKGROUND.leave()

    async def _enter(self) -> T:
        return await self._context.__aenter__()

    async def _exit(self) -> None:
        await self._context.__aexit__(None, None, None)
