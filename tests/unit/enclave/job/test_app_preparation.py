"""An enclave without a task lays out the app that its worker expects, and keeps it only for a task of that app."""

import asyncio
from pathlib import Path

import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import MANIFEST, AppFileEntry, Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.enclave.job.app_preparation import AppPreparation
from sealgrid.errors import BundleRefused, HostFailed
from sealgrid.units import to_digest


class App:
    """An app of one file, whose content is its name."""

    def __init__(self, name: str) -> None:
        entry = AppFileEntry(path=f"{name}.py", size=len(name), sha256=to_digest(sha256(name.encode())))
        manifest = Manifest(name=name, version="1", python=running_python(), entrypoint=(entry.path,), files=(entry,))
        self.digest = manifest.digest()
        self.archive = pack({entry.path: name.encode(), MANIFEST: manifest.encode()})


class Worker:
    """A worker that expects an app and gives one bundle."""

    def __init__(self, expected: str, bundle: bytes) -> None:
        self.expected, self.bundle = expected, bundle
        self.calls: list[str] = []

    async def call(self, call: str, *, path: str = "", offset: int = 0, length: int = 0) -> bytes:
        self.calls.append(call)
        return self.expected.encode() if call == "prepare" else self.bundle[offset : offset + length]


ONE, OTHER = App("one"), App("other")


def unknown_task() -> "asyncio.Future[object]":
    return asyncio.get_running_loop().create_future()


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def expecting(worker: Worker, folder: Path) -> AppPreparation:
    """Return a preparation that has laid out what the worker expects, or has failed to."""
    preparation = AppPreparation(worker, folder)  # type: ignore[arg-type]
    await preparation.begin_expected(unknown_task())
    if preparation.early is not None:
        await asyncio.wait({preparation.early})
    return preparation


async def test_the_expected_app_is_laid_out_before_the_task_and_not_again_after_it(tmp_path: Path) -> None:
    worker = Worker(ONE.digest, ONE.archive)
    preparation = await expecting(worker, tmp_path)
    assert files_below(tmp_path) == {"expected/app/one.py": b"one"}
    calls = list(worker.calls)
    assert (await preparation.prepared(ONE.digest)).bundle.app_digest == ONE.digest
    assert worker.calls == calls


async def test_nothing_of_the_expected_app_is_left_for_a_task_of_another_one(tmp_path: Path) -> None:
    worker = Worker(ONE.digest, ONE.archive)
    preparation = await expecting(worker, tmp_path)
    worker.bundle = OTHER.archive
    assert (await preparation.prepared(OTHER.digest)).bundle.app_digest == OTHER.digest
    assert files_below(tmp_path) == {"task/app/other.py": b"other"}


async def test_a_task_of_another_app_does_not_wait_for_the_expected_one(tmp_path: Path) -> None:
    class SlowWorker(Worker):
        async def call(self, call: str, *, path: str = "", offset: int = 0, length: int = 0) -> bytes:
            if call != "prepare" and self.bundle == ONE.archive:
                await asyncio.Event().wait()
            return await super().call(call, path=path, offset=offset, length=length)

    worker = SlowWorker(ONE.digest, ONE.archive)
    preparation = AppPreparation(worker, tmp_path)  # type: ignore[arg-type]
    await preparation.begin_expected(unknown_task())
    await asyncio.sleep(0)  # it reads its bundle now
    worker.bundle = OTHER.archive
    async with asyncio.timeout(20):
        assert (await preparation.prepared(OTHER.digest)).bundle.app_digest == OTHER.digest


async def test_a_thread_that_still_writes_the_expected_app_reaches_no_file_of_the_task(tmp_path: Path) -> None:
    preparation = await expecting(Worker(ONE.digest, ONE.archive), tmp_path)
    assert preparation.early is not None
    early = preparation.early.result().folders
    preparation = await expecting(Worker("", ONE.archive), tmp_path)
    task = (await preparation.prepared(ONE.digest)).folders
    assert not early.path("app").samefile(task.path("app"))


async def test_a_worker_that_expects_one_app_and_gives_another_has_prepared_nothing(tmp_path: Path) -> None:
    worker = Worker(ONE.digest, OTHER.archive)
    preparation = await expecting(worker, tmp_path)
    assert preparation.early is not None
    assert isinstance(preparation.early.exception(), BundleRefused)
    worker.bundle = ONE.archive
    assert (await preparation.prepared(ONE.digest)).bundle.app_digest == ONE.digest


@pytest.mark.parametrize("expected", ["", "one", "0x12"])
async def test_without_an_expected_app_the_tasks_own_is_laid_out(tmp_path: Path, expected: str) -> None:
    worker = Worker(expected, ONE.archive)
    preparation = await expecting(worker, tmp_path)
    assert worker.calls == ["prepare"]
    await preparation.prepared(ONE.digest)
    assert files_below(tmp_path) == {"task/app/one.py": b"one"}


async def test_a_task_that_is_known_at_once_waits_for_no_answer_about_the_expected_app(tmp_path: Path) -> None:
    class SilentWorker(Worker):
        async def call(self, call: str, *, path: str = "", offset: int = 0, length: int = 0) -> bytes:
            if call == "prepare":
                await asyncio.Event().wait()
            return await super().call(call, path=path, offset=offset, length=length)

    preparation = AppPreparation(SilentWorker("", ONE.archive), tmp_path)  # type: ignore[arg-type]
    known = unknown_task()
    known.set_result(None)
    async with asyncio.timeout(20):
        await preparation.begin_expected(known)
        await preparation.prepared(ONE.digest)


async def test_an_error_of_the_worker_about_the_expected_app_fails_no_task(tmp_path: Path) -> None:
    class RefusingWorker(Worker):
        async def call(self, call: str, *, path: str = "", offset: int = 0, length: int = 0) -> bytes:
            if call == "prepare":
                raise HostFailed("no app is expected.")
            return await super().call(call, path=path, offset=offset, length=length)

    preparation = await expecting(RefusingWorker("", ONE.archive), tmp_path)
    assert (await preparation.prepared(ONE.digest)).bundle.app_digest == ONE.digest
