"""Before a purchase an app's manifest is read from its bundle, and an app for another Python is refused."""

import io
import zipfile
from types import SimpleNamespace

import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.manifest import MANIFEST, AppFileEntry, Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.errors import BundleRefused, InputRefused, InterpreterMismatch, NotFound
from sealgrid.sdk.operations import manifests
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import to_address, to_digest
from sealgrid.wire.storage import location

APP = to_address(b"\x11" * 20)
BIG = bytes(PIECE_BYTES)


class Node:
    """A storage node that counts the bytes that are read of it."""

    url = "http://node.example"

    def __init__(self, *files):
        self.files, self.bytes_read = {to_digest(sha256(content)): content for content in files}, 0

    async def head(self, digest):
        if digest not in self.files:
            raise NotFound("no such file.")
        return SimpleNamespace(sha256=digest, size=len(self.files[digest]))

    async def read(self, digest, offset, length):
        assert offset >= 0
        assert length <= PIECE_BYTES
        piece = self.files[digest][offset : offset + length]
        self.bytes_read += len(piece)
        return piece


class Assets:
    """What the chain says of one app."""

    def __init__(self, digest, multiaddr):
        self._digest, self._multiaddr = digest, multiaddr

    async def checksum(self, kind, app):
        return self._digest

    async def multiaddr(self, kind, app):
        return self._multiaddr


@pytest.fixture
def network(monkeypatch):
    def of(archive, digest, *, python="3.13", multiaddr=None, stored=True):
        assets = Assets(digest, multiaddr or location(to_digest(sha256(archive))))
        monkeypatch.setattr(manifests, "Assets", lambda hub: assets)
        node = Node(archive) if stored else Node()
        return SimpleNamespace(hub=None, storage=RemoteFiles(node), network=SimpleNamespace(python=python)), node

    return of


def made(contents, python="3.13"):
    files = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(contents.items())
    )
    manifest = Manifest(name="a", version="1", python=python, entrypoint=("main.py",), files=files)
    return manifest, {**contents, MANIFEST: manifest.encode()}


SMALL = {"main.py": b"pass"}


@pytest.mark.parametrize(
    "contents",
    [SMALL, SMALL | {"data.bin": BIG}, SMALL | {"z.bin": BIG}, SMALL | {"a.bin": BIG, "z.bin": BIG}],
    ids=["a small bundle", "a big file before it", "a big file after it", "big files around it"],
)
async def test_a_manifest_is_read_wherever_it_lies_without_the_rest_of_a_big_bundle(network, contents):
    manifest, members = made(contents)
    conn, node = network(pack(members), manifest.digest())
    assert await manifests.manifest_of(conn, APP) == manifest
    assert node.bytes_read <= PIECE_BYTES + 4096


async def test_a_bundle_that_another_tool_packed_is_read_whole(network):
    manifest, members = made(SMALL)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.extra = b"\x99\x99\x04\x00rest"
            archive.writestr(entry, content)
    conn, _ = network(target.getvalue(), manifest.digest())
    assert await manifests.manifest_of(conn, APP) == manifest


async def test_13_an_app_for_another_python_is_refused_and_one_for_this_is_not(network):
    manifest, members = made(SMALL, python="3.11")
    with pytest.raises(InterpreterMismatch, match="the app is built for Python") as refused:
        await manifests.runnable_manifest(network(pack(members), manifest.digest())[0], APP)
    assert refused.value.check == "13"
    assert (
        await manifests.runnable_manifest(network(pack(members), manifest.digest(), python="3.11")[0], APP) == manifest
    )


async def test_a_bundle_that_is_another_apps_is_refused(network):
    _, members = made(SMALL)
    with pytest.raises(BundleRefused) as refused:
        await manifests.manifest_of(network(pack(members), to_digest(b"\x22" * 32))[0], APP)
    assert refused.value.check == "2"


async def test_an_app_without_a_bundle_here_is_refused(network):
    manifest, members = made(SMALL)
    with pytest.raises(NotFound):
        await manifests.manifest_of(network(pack(members), manifest.digest(), stored=False)[0], APP)
    with pytest.raises(InputRefused, match="names no bundle"):
        await manifests.manifest_of(network(pack(members), manifest.digest(), multiaddr="docker.io/a:1")[0], APP)
