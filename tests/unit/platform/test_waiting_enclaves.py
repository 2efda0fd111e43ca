"""An enclave that was started before its task is the measured one, gets one task, and is quoted for its app."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from sealgrid.attestation.binding import locked_config
from sealgrid.errors import NotFound
from sealgrid.platform.simulated import SimulatedPlatform
from sealgrid.units import Digest
from tests.unit.platform.enclave_scene import APP, Enclave, quote

OTHER = Digest("0x" + "b6" * 32)


@pytest.fixture
async def waiting(platform: SimulatedPlatform) -> AsyncIterator[Enclave]:
    enclave = Enclave(platform)
    await enclave.start()
    await enclave.ask("exists", "/job")  # it has booted
    yield enclave
    await enclave.close()


async def test_a_waiting_enclave_gets_its_task_and_a_quote_that_locks_the_tasks_app(platform, waiting):
    assert waiting.instance in platform.running()
    await waiting.assign(OTHER)
    assert waiting.reply.runtime == platform.measurement().runtime
    assert (await waiting.ask("launch"))["app_digest"] == OTHER
    made = await quote(waiting)
    assert locked_config(OTHER) in made.raw
    assert locked_config(APP) not in made.raw


async def test_no_enclave_gets_a_second_task(platform, waiting, fresh):
    await waiting.assign()
    with pytest.raises(NotFound, match="waits for a task"):
        await waiting.assign(OTHER)
    assert (await waiting.ask("launch"))["app_digest"] == APP
    with pytest.raises(NotFound):  # launched for its task
        await fresh.assign(OTHER)


async def test_there_is_no_quote_before_the_task(waiting):
    asking = asyncio.create_task(quote(waiting))
    done, _ = await asyncio.wait({asking}, timeout=0.2)
    assert not done
    await waiting.close()
    with pytest.raises(ValueError, match="Expecting value"):  # the end of the connection
        await asking


async def test_a_waiting_enclave_that_ended_gets_no_task(platform, waiting):
    await platform.stop(waiting.instance)
    with pytest.raises(NotFound):
        await waiting.assign()


@pytest.mark.parametrize("folder", ["files", "bytecode"])
async def test_a_file_that_changed_after_the_start_ends_the_waiting_enclave(platform, waiting, folder):
    changed = next(getattr(platform.image, folder).rglob("session.*"))
    original, times = changed.read_bytes(), changed.stat()
    try:
        changed.write_bytes(bytes([original[0] ^ 1]) + original[1:])
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))  # neither size nor time tells
        with pytest.raises(NotFound, match="changed"):
            await waiting.assign()
        assert await asyncio.wait_for(waiting.reader.read(), 20) == b""
    finally:
        changed.write_bytes(original)
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))


async def test_a_file_that_was_removed_after_the_start_ends_the_waiting_enclave(platform, waiting, monkeypatch):
    def removed() -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(platform, "_file_states", removed)
    with pytest.raises(NotFound, match="changed"):
        await waiting.assign()
    async with asyncio.timeout(20):
        assert await waiting.reader.read() == b""


async def test_an_enclave_that_ends_while_the_files_are_checked_gets_no_task(platform, waiting, monkeypatch):
    states, loop = platform._file_states, asyncio.get_running_loop()

    def slow_states() -> bytes:
        asyncio.run_coroutine_threadsafe(platform.stop(waiting.instance), loop).result(20)
        return states()

    monkeypatch.setattr(platform, "_file_states", slow_states)
    with pytest.raises(NotFound, match="has ended"):
        await waiting.assign()


async def test_a_waiting_enclave_ends_with_its_worker(platform, waiting):
    instance = platform._instances[waiting.instance]
    waiting.writer.close()
    assert await asyncio.wait_for(instance.wait(), 20) != 0
