"""Files through the worker: never other bytes than the digest names, never more than the limit."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.enclave.protocol.relay_files import PIECE_BYTES, batches, fetch, read, store, write_new
from sealgrid.errors import AppFailed, HostFailed
from sealgrid.units import to_digest

CONTENT = bytes(range(256)) * (2 * PIECE_BYTES // 256) + b"the rest"
DIGEST = to_digest(sha256(CONTENT))


@dataclass
class Worker:
    """A worker that serves one file by pieces, and keeps what is stored."""

    content: bytes
    stored: bytes = b""
    finished: str = ""

    async def call(self, call: str, *, path: str = "", offset: int = 0, length: int = 0, body: bytes = b"") -> bytes:
        match call:
            case "read":
                return self.content[offset : offset + length]
            case "begin":
                return b"upload-1"
            case "append":
                self.stored += body
            case "finish":
                self.finished = path
        return b""


async def test_a_file_is_copied_where_its_bytes_have_the_digest(tmp_path: Path) -> None:
    assert (await fetch(Worker(CONTENT), DIGEST, tmp_path / "file")).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0", b"x" + CONTENT[1:]])
async def test_other_bytes_are_the_hosts_fault_and_leave_no_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(HostFailed, match="other bytes"):
        await fetch(Worker(content), DIGEST, tmp_path / "file")
    assert not (tmp_path / "file").exists()


async def test_a_file_above_the_limit_is_its_owners_fault_only_if_its_digest_proves_it(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match="more than"):
        await fetch(Worker(CONTENT), DIGEST, tmp_path / "file", most=len(CONTENT) - 1)
    with pytest.raises(HostFailed):
        await fetch(Worker(CONTENT + b"\0"), DIGEST, tmp_path / "file", most=len(CONTENT) - 1)
    assert (await fetch(Worker(CONTENT), DIGEST, tmp_path / "file", most=len(CONTENT))).exists()


async def test_a_range_ends_where_it_is_asked_to_or_where_the_file_ends() -> None:
    assert await read(Worker(CONTENT), DIGEST, 5, PIECE_BYTES + 9) == CONTENT[5 : PIECE_BYTES + 9]
    assert await read(Worker(CONTENT), DIGEST, 5, 1 << 40) == CONTENT[5:]
    assert b"".join([piece async for batch in batches(Worker(CONTENT), DIGEST, 1 << 40) for piece in batch]) == CONTENT


async def test_a_stored_file_arrives_whole_under_its_upload() -> None:
    worker = Worker(b"")
    await store(worker, CONTENT)
    assert (worker.stored, worker.finished) == (CONTENT, "upload-1")


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    write_new(tmp_path / "file", b"mine")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"theirs")
    assert (tmp_path / "file").read_bytes() == b"mine"
