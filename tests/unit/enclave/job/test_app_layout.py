"""Layout of an app's imports from an untrusted worker."""

import asyncio
import sys
import threading
import zipfile
from pathlib import Path

import msgspec
import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.environment_writer import EnvironmentWriter
from sealgrid.bundle.manifest import EnvironmentEntry, Manifest, WheelEntry
from sealgrid.crypto.digests import sha256
from sealgrid.enclave.job.app_layout import check_runtime_interpreter, lay_out_imports
from sealgrid.enclave.protocol.relay_files import PIECE_BYTES
from sealgrid.errors import BundleRefused, HostFailed
from sealgrid.units import to_digest
from sealgrid.wire.relay import RelayClient, RelayReply, RelayRequest, read_frame, write_frame

CONTENT = {"big/data.bin": bytes(range(256)) * 8000, "one/__init__.py": b"a = 1\n", "one/empty.py": b""}


class Worker:
    """The other end of the relay: gives pieces of one file, or of what it would rather give."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reads = content, []

    def answer(self, frame: RelayRequest) -> bytes:
        self.reads.append((frame.offset, frame.length))
        return self.content[frame.offset : frame.offset + frame.length]

    async def connected(self, reader, writer) -> None:
        try:
            while True:
                frame = msgspec.msgpack.decode(await read_frame(reader), type=RelayRequest)
                write_frame(writer, msgspec.msgpack.encode(RelayReply(id=frame.id, body=self.answer(frame))))
        finally:
            writer.close()


class RenamesAFile(Worker):
    """Gives the pinned files under another name: a directory that reads well and is not the archive's."""

    def answer(self, frame: RelayRequest) -> bytes:
        true = super().answer(frame)
        ends = frame.offset + frame.length == len(self.content)
        return true.replace(b"one/__init__.py", b"one/__evil__.py") if ends else true


class FailsAfter(Worker):
    """Answers some requests, and then none."""

    def __init__(self, content: bytes, answers: int) -> None:
        super().__init__(content)
        self.answers = answers

    def answer(self, frame: RelayRequest) -> bytes:
        if len(self.reads) == self.answers:
            raise ConnectionError
        return super().answer(frame)


class NeverEnds(Worker):
    """Gives bytes for every question."""

    def answer(self, frame: RelayRequest) -> bytes:
        return super().answer(frame) or bytes(frame.length)


def manifest(environment: EnvironmentEntry | None = None, wheels: tuple[WheelEntry, ...] = ()) -> Manifest:
    return Manifest(
        name="a", version="1", python="3.11", entrypoint=("a.py",), files=(), wheels=wheels, environment=environment
    )


def of_environment(content: bytes) -> Manifest:
    return manifest(EnvironmentEntry(sha256=to_digest(sha256(content)), size=len(content), python="3.11.2"))


def laid_out(folder: Path, worker: Worker, app_manifest: Manifest) -> dict[str, bytes]:
    async def through_a_relay() -> None:
        listening = await asyncio.start_unix_server(worker.connected, folder / "relay", limit=1 << 20)
        relay = RelayClient(*await asyncio.open_unix_connection(folder / "relay"))
        try:
            await asyncio.wait_for(lay_out_imports(relay, app_manifest, downloads, target), 20)
        finally:
            await relay.close()
            listening.close()

    downloads, target = folder / "downloads", folder / "target"
    downloads.mkdir()
    target.mkdir()
    asyncio.run(through_a_relay())
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def refusal(folder: Path, worker: Worker, app_manifest: Manifest) -> str:
    with pytest.raises(BundleRefused) as refused:
        laid_out(folder, worker, app_manifest)
    return refused.value.check


def test_an_environment_is_laid_out_and_each_of_its_bytes_is_requested_once(tmp_path):
    archive = pack(CONTENT)
    worker = Worker(archive)
    assert laid_out(tmp_path, worker, of_environment(archive)) == CONTENT
    first, *rest = worker.reads  # where it ends, then the directory, then all before it
    assert first == (len(archive) - 22, 22)
    assert sum(length for _, length in rest) == len(archive)
    assert len(archive) > 8 * PIECE_BYTES, "more than one batch is under way"


def test_an_app_without_an_environment_is_laid_out_of_its_wheels(tmp_path):
    path = tmp_path / "one-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one/__init__.py", b"a = 1\n")
    wheel = WheelEntry(name="one", version="1", filename=path.name, sha256=to_digest(sha256(path.read_bytes())))
    assert laid_out(tmp_path, Worker(path.read_bytes()), manifest(wheels=(wheel,))) == {"one/__init__.py": b"a = 1\n"}


def test_1_other_bytes_than_the_pinned_ones_are_refused(tmp_path):
    archive = pack(CONTENT)
    changed = archive.replace(b"a = 1\n", b"a = 2\n")
    assert refusal(tmp_path, Worker(changed), of_environment(archive)) == "1"


def test_1_a_directory_that_was_swapped_is_refused_though_the_files_are_the_pinned_ones(tmp_path):
    archive = pack(CONTENT)
    assert refusal(tmp_path, RenamesAFile(archive), of_environment(archive)) == "1"


@pytest.mark.parametrize("kept", [0, 10, 300_000])
def test_a_file_that_is_shorter_than_pinned_is_refused(tmp_path, kept):
    archive = pack(CONTENT)
    assert refusal(tmp_path, Worker(archive[:kept]), of_environment(archive)) == "2"


def test_a_file_that_never_ends_is_not_read_past_the_pinned_size(tmp_path):
    archive = pack(CONTENT)
    worker = NeverEnds(archive)
    assert laid_out(tmp_path, worker, of_environment(archive)) == CONTENT
    assert max(offset + length for offset, length in worker.reads) == len(archive)


def test_a_layout_that_fails_ends_after_its_writing_thread(tmp_path, monkeypatch):
    archive, released, has_ended = pack(CONTENT), threading.Event(), threading.Event()
    lay_out = EnvironmentWriter.write

    def write(self, *batch: bytes) -> None:
        threading.Timer(0.1, released.set).start()
        released.wait(20)
        lay_out(self, *batch)
        has_ended.set()

    monkeypatch.setattr(EnvironmentWriter, "write", write)
    with pytest.raises(HostFailed):
        laid_out(tmp_path, FailsAfter(archive, answers=2 + 8 + 1), of_environment(archive))
    assert has_ended.is_set()


def test_an_app_for_another_interpreter_is_the_machines_fault():
    made = Manifest(name="a", version="1", python="3.99", entrypoint=("a.py",), files=())
    with pytest.raises(HostFailed, match=r"3\.99"):
        check_runtime_interpreter(made)
    ours = f"3.{sys.version_info.minor}"
    check_runtime_interpreter(msgspec.structs.replace(made, python=ours))
