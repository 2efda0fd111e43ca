"""Copies of files in an object store or a folder are read where no storage node gives the file."""

import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import ContentDiffers, InputRefused, NotFound
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.mirrors import open_mirrors
from sealgrid.storage.node_calls import FileReads
from sealgrid.storage.object_store import FolderMirror, object_address
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage.web_mirror import WebTransport
from sealgrid.wire.http_transport import HttpTransport
from tests.unit.storage.file_scene import DeadNode, LyingNode, digest

CONTENT = bytes(PIECE_BYTES) + b"the rest of a model"
SHA256 = digest(CONTENT)


MOVED = digest(b"moved")


class Store(BaseHTTPRequestHandler):
    """An object store with one public object, as S3 answers; another object has moved to a neighbour of the store."""

    paths: list[str]  #: of the requests

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        self.paths.append(self.path)
        if self.path == f"/bucket/models/{MOVED.removeprefix('0x')}":
            self.send_response(307)
            self.send_header("location", "/inner")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if self.path != f"/bucket/models/{SHA256.removeprefix('0x')}":
            self.send_error(403)  # S3's answer for a missing object, unless anyone may list the bucket
            return
        start, _, end = self.headers.get("range", "bytes=0-99999999").removeprefix("bytes=").partition("-")
        piece = CONTENT[int(start) : int(end) + 1]
        self.send_response(206)
        self.send_header("content-length", str(len(piece)))
        self.end_headers()
        if send:
            self.wfile.write(piece)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Write no log."""


@pytest_asyncio.fixture
async def store() -> AsyncIterator[FileReads]:
    Store.paths = []
    transports: list[HttpTransport] = []

    async def transport(url: str) -> WebTransport:
        transports.append(HttpTransport(url, name="the mirror"))
        return transports[-1]

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        (mirror,) = await open_mirrors(
            [f"s3://bucket/models?endpoint=http://127.0.0.1:{server.server_port}"], transport
        )
        yield mirror
        for each in transports:
            await each.close()
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> FolderMirror:
    (tmp_path / SHA256.removeprefix("0x")).write_bytes(CONTENT)
    return FolderMirror(f"file://{tmp_path}")


@pytest.fixture(params=["folder", "store"])
def mirror(request: pytest.FixtureRequest, folder: FolderMirror, store: FileReads) -> FileReads:
    return folder if request.param == "folder" else store


async def test_a_file_that_no_node_gives_is_read_from_a_mirror_and_verified(mirror: FileReads, tmp_path: Path) -> None:
    files = RemoteFiles(DeadNode(b""), mirrors=[mirror])
    assert await files.get_file(SHA256, tmp_path / "out") == len(CONTENT)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert await files.get_bytes(SHA256, len(CONTENT)) == CONTENT


async def test_a_mirror_without_a_file_says_so(mirror: FileReads) -> None:
    with pytest.raises(NotFound):
        await mirror.head(digest(b"another"))
    with pytest.raises(NotFound):
        await RemoteFiles(mirrors=[mirror]).get_bytes(digest(b"another"), 100)


async def test_a_node_is_asked_before_a_mirror(folder: FolderMirror, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(LyingNode(b"model"), mirrors=[folder])
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert files.health.faults()["other_bytes"] == 0


async def test_a_mirror_with_other_bytes_is_refused_and_avoided(folder: FolderMirror, tmp_path: Path) -> None:
    (tmp_path / digest(b"model").removeprefix("0x")).write_bytes(b"medal")
    files = RemoteFiles(mirrors=[folder])
    with pytest.raises(ContentDiffers):
        await files.get_bytes(digest(b"model"), 5)
    assert files.health.is_avoided(folder.url)


async def test_a_store_names_no_file_by_its_cid(folder: FolderMirror) -> None:
    with pytest.raises(NotFound):
        await folder.read_by_cid(cid_of(SHA256), 100)


async def test_a_known_liar_is_asked_before_a_mirror(folder: FolderMirror, tmp_path: Path) -> None:
    """A mirror sees which network address reads which file."""
    for name, content in ((b"other", b"other"), (b"model", b"not read")):
        (tmp_path / digest(name).removeprefix("0x")).write_bytes(content)
    node = LyingNode(b"model")
    files = RemoteFiles(node, mirrors=[folder])
    assert await files.get_bytes(digest(b"other"), 5) == b"other"
    assert files.health.is_avoided(node.url)
    assert await files.get_bytes(digest(b"model"), 5) == b"model"
    assert not files.health.is_avoided(folder.url)


async def test_a_redirect_of_a_store_is_not_followed(store: FileReads) -> None:
    for read in (store.head(MOVED), store.read(MOVED, 0, 5)):
        with pytest.raises(NotFound, match="HTTP status 307"):
            await read
    assert "/inner" not in Store.paths


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket/models?region=eu-west-1", "https://s3.eu-west-1.amazonaws.com/bucket/models"),
        ("s3://bucket", "https://s3.us-east-1.amazonaws.com/bucket"),
        ("s3://bucket/ipfs/?endpoint=https://minio.example:9000/", "https://minio.example:9000/bucket/ipfs"),
        ("gs://bucket/models", "https://storage.googleapis.com/bucket/models"),
        ("az://files?account_name=me", "https://me.blob.core.windows.net/files"),
        ("az://files/a?endpoint=https://azure.example/me", "https://azure.example/me/files/a"),
    ],
)
def test_the_objects_of_three_clouds_have_web_addresses(url: str, address: str) -> None:
    assert object_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "az://files",
        "s3://",
        "s3://Bucket",
        "s3://bucket:80",
        "gs://bucket?region=eu-west-1",
        "s3://bucket?region=evil.example/",
        "az://files?account_name=evil.example%23",
        "s3://bucket?endpoint=ftp://files.example",
        "s3://bucket?endpoint=https://files.example/?x=",
    ],
)
def test_a_store_that_does_not_open_is_refused(url: str) -> None:
    with pytest.raises(InputRefused, match="cannot be opened"):
        object_address(url)


async def test_an_object_store_names_no_file_by_its_cid(store: FileReads) -> None:
    with pytest.raises(NotFound):
        await store.read_by_cid(cid_of(SHA256), 100)
    assert Store.paths == []
