"""Copies of files at an IPFS gateway or a web server: ranges, bounded answers, no redirects."""

import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import FileTooLarge, NotFound, ServiceUnavailable
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage.web_mirror import WebMirror
from sealgrid.wire.http_transport import HttpTransport
from tests.unit.storage.file_scene import DeadNode, digest

CONTENT = bytes(PIECE_BYTES) + b"the rest of a model"
SHA256, MOVED = digest(CONTENT), digest(b"moved")
RANGELESS = "bafyrangeless"  #: name at which the gateway answers the whole file


class Gateway(BaseHTTPRequestHandler):
    """An IPFS gateway with one file, as Kubo's answers: HEAD, GET, ranges."""

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        name = self.path.removeprefix("/ipfs/")
        if name == cid_of(MOVED):
            self.send_response(302)
            self.send_header("location", f"/ipfs/{cid_of(SHA256)}")
            self.end_headers()
            return
        if name not in {cid_of(SHA256), RANGELESS}:
            self.send_error(404)
            return
        wanted = self.headers.get("range", "") if name != RANGELESS else ""
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


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[WebMirror]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{server.server_port}/ipfs"
        async with HttpTransport(url, name="the mirror") as transport:
            yield WebMirror(url, transport)
        server.shutdown()


async def test_a_file_that_no_node_gives_is_read_from_a_gateway_and_verified(
    gateway: WebMirror, tmp_path: Path
) -> None:
    files = RemoteFiles(DeadNode(b""), mirrors=[gateway])
    assert await files.get_file(SHA256, tmp_path / "out") == len(CONTENT)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert await files.get_bytes(SHA256, len(CONTENT)) == CONTENT
    assert await files.read_by_cid(cid_of(SHA256), len(CONTENT)) == CONTENT


async def test_a_gateway_without_a_file_says_so(gateway: WebMirror) -> None:
    for read in (gateway.head(digest(b"another")), gateway.read(digest(b"another"), 0, 5)):
        with pytest.raises(NotFound):
            await read


async def test_a_redirect_is_not_followed(gateway: WebMirror) -> None:
    for read in (gateway.head(MOVED), gateway.read(MOVED, 0, 5), gateway.read_by_cid(cid_of(MOVED), 5)):
        with pytest.raises(NotFound, match="HTTP status 302"):
            await read


@pytest.mark.parametrize("name", [cid_of(SHA256), RANGELESS])
async def test_no_more_of_a_file_by_its_cid_is_read_than_the_limit(gateway: WebMirror, name: str) -> None:
    assert len(await gateway.read_by_cid(name, 100)) == 101
    files = RemoteFiles(mirrors=[gateway])
    with pytest.raises(FileTooLarge, match="limit of 100 bytes"):
        await files.read_by_cid(name, 100)
    assert set(files.health.faults().values()) == {0}


@pytest.mark.parametrize("cid", ["../secret", "a/b", "a?b", ""])
async def test_what_is_no_cid_never_becomes_a_path(gateway: WebMirror, cid: str) -> None:
    with pytest.raises(NotFound, match="CID"):
        await gateway.read_by_cid(cid, 100)


async def test_a_server_that_ignores_ranges_gives_no_piece() -> None:
    class WholeFiles:
        async def request(self, method: str, path: str, body: bytes = b"", headers: object = None) -> bytes:
            return CONTENT

        async def content_length(self, path: str) -> int:
            return len(CONTENT)

    mirror = WebMirror("https://files.example", WholeFiles())
    assert await mirror.read(SHA256, 0, 5) == CONTENT[:5]
    with pytest.raises(ServiceUnavailable, match="does not answer ranges"):
        await mirror.read(SHA256, 5, 5)


async def test_a_gateway_that_does_not_answer_is_unavailable() -> None:
    url = "http://127.0.0.1:1/ipfs"
    async with HttpTransport(url, name="the mirror") as transport:
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await WebMirror(url, transport).head(SHA256)
