"""Copies of files in an object store and at an IPFS gateway are read where no storage node has the file."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.object_store import MirrorFiles, open_mirror
from sealgrid.storage.remote_files import RemoteFiles
from tests.unit.storage.file_scene import DeadNode, LyingNode, digest

CONTENT = bytes(PIECE_BYTES) + b"the rest of a model"
SHA256 = digest(CONTENT)


class Gateway(BaseHTTPRequestHandler):
    """An IPFS gateway with one file, as Kubo's answers: HEAD, GET, ranges."""

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        if self.path != f"/ipfs/{cid_of(SHA256)}":
            self.send_error(404)
            return
        wanted = self.headers.get("range", "")
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        piece = CONTENT[int(start) : int(end) + 1] if wanted else CONTENT
        self.send_response(206 if wanted else 200)
        self.send_header("content-length", str(len(piece)))
        if wanted:
            self.send_header("content-range", f"bytes {start}-{int(start) + len(piece) - 1}/{len(CONTENT)}")
        self.end_headers()
        if send:
            self.wfile.write(piece)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Write no log."""


@pytest.fixture
def gateway() -> Iterator[MirrorFiles]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield open_mirror(f"http://127.0.0.1:{server.server_port}/ipfs")
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> MirrorFiles:
    (tmp_path / SHA256.removeprefix("0x")).write_bytes(CONTENT)
    return open_mirror(f"file://{tmp_path}")


@pytest.fixture
def memory() -> MirrorFiles:
    store = MemoryStore()
    store.put(SHA256.removeprefix("0x"), CONTENT)
    return MirrorFiles("memory://", store)


@pytest.fixture(params=["folder", "gateway", "memory"])
def mirror(request: pytest.FixtureRequest) -> MirrorFiles:
    opened: MirrorFiles = request.getfixturevalue(request.param)
    return opened


async def test_a_file_that_no_node_gives_is_read_from_a_mirror_and_verified(
    mirror: MirrorFiles, tmp_path: Path
) -> None:
    files = RemoteFiles(DeadNode(b""), mirrors=[mirror])
    assert await files.get_file(SHA256, tmp_path / "out") == len(CONTENT)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert await files.get_bytes(SHA256, len(CONTENT)) == CONTENT


async def test_a_mirror_without_a_file_says_so(mirror: MirrorFiles) -> None:
    with pytest.raises(NotFound):
        await mirror.head(digest(b"another"))
    with pytest.raises(NotFound):
        await RemoteFiles(mirrors=[mirror]).get_bytes(digest(b"another"), 100)


async def test_a_node_is_asked_before_a_mirror(folder: MirrorFiles, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(LyingNode(b"model"), mirrors=[folder])
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert files.health.faults()["other_bytes"] == 0


async def test_a_mirror_with_other_bytes_is_refused_and_avoided(folder: MirrorFiles, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(mirrors=[folder])
    with pytest.raises(ContentDiffers):
        await files.get_bytes(digest(b"model"), 5)
    assert files.health.is_avoided(folder.url)


async def test_a_gateway_reads_by_cid_and_a_store_does_not(gateway: MirrorFiles, folder: MirrorFiles) -> None:
    assert await gateway.read_by_cid(cid_of(SHA256), len(CONTENT)) == CONTENT
    with pytest.raises(NotFound):
        await folder.read_by_cid(cid_of(SHA256), 100)


async def test_a_gateway_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        await open_mirror("http://127.0.0.1:1/ipfs").head(SHA256)


@pytest.mark.parametrize("url", ["s3://bucket/models?region=eu-west-1", "gs://bucket", "az://files?account_name=me"])
def test_stores_of_three_clouds_open_without_credentials(url: str) -> None:
    assert open_mirror(url).url == url


@pytest.mark.parametrize("url", ["ftp://host/files", "s3://bucket?secret_access_key=x", "az://files", "s3://"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InputRefused, match="mirror"):
        open_mirror(url)
