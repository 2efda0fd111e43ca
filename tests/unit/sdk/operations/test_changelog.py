"""An app's changelog: bounded, verified by the manifest, and its latest entry in one line."""

from types import SimpleNamespace

import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.manifest import MANIFEST, AppFileEntry, Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused, NotFound
from sealgrid.sdk.operations import manifests
from sealgrid.sdk.operations.changelog import (
    CHANGELOG,
    MAX_CHANGELOG,
    MAX_ENTRY,
    changelog_of,
    check_changelog,
    latest_entry,
)
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import to_address, to_digest
from sealgrid.wire.storage import location

APP = to_address(b"\x11" * 20)


def manifest_with(**files):
    entries = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(files.items())
    )
    return Manifest(name="a", version="1", python="3.13", entrypoint=("main.py",), files=entries)


class Node:
    """A storage node with one file."""

    url = "http://node.example"

    def __init__(self, content):
        self._content = content

    async def head(self, digest):
        if digest != to_digest(sha256(self._content)):
            raise NotFound("no such file.")
        return SimpleNamespace(sha256=digest, size=len(self._content))

    async def read(self, digest, offset, length):
        return self._content[offset : offset + length]


def connection(monkeypatch, manifest, archive):
    class Assets:
        def __init__(self, hub) -> None:
            pass

        async def checksum(self, kind, app):
            return manifest.digest()

        async def multiaddr(self, kind, app):
            return location(to_digest(sha256(archive)))

    monkeypatch.setattr(manifests, "Assets", Assets)
    return SimpleNamespace(hub=None, storage=RemoteFiles(Node(archive)))


@pytest.mark.parametrize("more", [{}, {"z.bin": bytes(2 << 20)}])
async def test_a_changelog_is_read_from_the_bundle(monkeypatch, more):
    files = {"main.py": b"pass", CHANGELOG: b"## 1.1.0\n- News\n"} | more
    manifest = manifest_with(**files)
    conn = connection(monkeypatch, manifest, pack({**files, MANIFEST: manifest.encode()}))
    assert await changelog_of(conn, APP) == "## 1.1.0\n- News\n"


async def test_a_changelog_that_the_manifest_does_not_name_is_not_shown(monkeypatch):
    named = manifest_with(**{"main.py": b"pass", CHANGELOG: b"## true"})
    for archive in (
        pack({"main.py": b"pass", CHANGELOG: b"## fake", MANIFEST: named.encode()}),
        pack({"main.py": b"pass", MANIFEST: named.encode()}),
        b"no archive",
    ):
        assert await changelog_of(connection(monkeypatch, named, archive), APP) == ""
    without = manifest_with(**{"main.py": b"pass"})
    archive = pack({"main.py": b"pass", CHANGELOG: b"## more", MANIFEST: without.encode()})
    assert await changelog_of(connection(monkeypatch, without, archive), APP) == ""


def test_a_changelog_that_is_too_long_cannot_be_deployed():
    assert check_changelog(manifest_with(**{CHANGELOG: bytes(MAX_CHANGELOG)}))
    assert not check_changelog(manifest_with(**{"main.py": b""}))
    with pytest.raises(InputRefused, match="shorten it"):
        check_changelog(manifest_with(**{CHANGELOG: bytes(MAX_CHANGELOG + 1)}))


async def test_a_strangers_changelog_that_is_too_long_is_not_shown(monkeypatch):
    files = {"main.py": b"pass", CHANGELOG: b"#" * (MAX_CHANGELOG + 1)}
    manifest = manifest_with(**files)
    assert (
        await changelog_of(connection(monkeypatch, manifest, pack({**files, MANIFEST: manifest.encode()})), APP) == ""
    )


@pytest.mark.parametrize(
    ("changelog", "entry"),
    [
        (
            "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-11-29\n### Added\n- HEIC.\n* AVIF,\n  both.\n## 1.0.0\n- x",
            "[1.1.0] - 2026-11-29: HEIC. AVIF, both.",
        ),
        ("## 2\r\n+ <script>\x1b[31m\r\n", "2: <script>\x1b[31m"),
        ("only text", ""),
        ("", ""),
        ("## 1\n" + "x" * 500, "1: " + "x" * (MAX_ENTRY - 4) + "…"),
    ],
)
def test_the_latest_entry_is_one_bounded_line(changelog, entry):
    assert latest_entry(changelog) == entry
