"""Downloads are used only with their pinned digest, and fetched once."""

import hashlib
import io
import os
import tarfile
import tomllib
from pathlib import Path

import pytest

from sealgrid.errors import SetupMissing
from sealgrid.localnet import downloads as module
from sealgrid.localnet.downloads import (
    Download,
    downloads,
    fetch,
    fetch_all,
    install_package,
    is_fetched,
    lock_file,
    need_program,
)

NPM = """#!/bin/sh
[ "$1" = pack ] || exit 9
[ -f {package} ] || {{ echo "404 not found" >&2; exit 1; }}
cp {package} thing-1.tgz
"""


def silent(step: str) -> None:
    """Print nothing."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm package, and an npm on the PATH that packs it."""
    file = tmp_path / "package.tgz"
    with tarfile.open(file, "w:gz") as archive:
        for name in ("package/bin/thing", "elsewhere/file"):
            entry = tarfile.TarInfo(name)
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"thing"))
    program = tmp_path / "programs" / "npm"
    program.parent.mkdir()
    program.write_text(NPM.format(package=file))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return file


def download_of(package: Path, **changes: object) -> Download:
    fields = {"name": "thing", "why": "a test", "megabytes": 1, "npm": "thing@1"}
    digest = hashlib.sha512(package.read_bytes()).hexdigest()
    return Download(**fields | {"sha512": digest} | changes)


def test_a_package_with_its_digest_is_unpacked_without_its_top_folder(package: Path, tmp_path: Path):
    item, steps = download_of(package), []
    assert not is_fetched(item, tmp_path / "cache")
    fetch(item, tmp_path / "cache", steps.append)
    assert (tmp_path / "cache" / "thing" / "bin" / "thing").read_bytes() == b"thing"
    assert not (tmp_path / "cache" / "thing" / "elsewhere").exists()
    assert steps == ["fetching thing (a test)"]
    assert is_fetched(item, tmp_path / "cache")


def test_it_is_fetched_once(package: Path, tmp_path: Path):
    item = download_of(package)
    fetch(item, tmp_path / "cache", silent)
    package.unlink()
    fetch(item, tmp_path / "cache", silent)
    with pytest.raises(SetupMissing, match="thing@1 could not be downloaded: 404 not found"):
        fetch(download_of(tmp_path / "programs" / "npm"), tmp_path / "cache", silent)


def test_several_are_fetched_and_the_error_of_one_is_raised(package: Path, tmp_path: Path):
    items = [download_of(package, name=f"thing{number}") for number in range(5)]
    wrong = download_of(package, name="wrong", sha512="00" * 64)
    with pytest.raises(SetupMissing, match="wrong differs from its pinned sha512"):
        fetch_all((wrong, *items), tmp_path / "cache", silent)
    assert all(is_fetched(item, tmp_path / "cache") for item in items)


def test_a_package_with_another_digest_is_not_used(package: Path, tmp_path: Path):
    with pytest.raises(SetupMissing, match="thing differs from its pinned sha512; nothing of it was used"):
        fetch(download_of(package, sha512="00" * 64), tmp_path / "cache", silent)
    assert not (tmp_path / "cache" / "thing").exists()


def test_a_package_for_another_machine_is_refused_with_where_to_put_it(package: Path, tmp_path: Path):
    with pytest.raises(SetupMissing, match=r"is pinned for vax only; put its binary at .*thing/bin yourself"):
        fetch(download_of(package, machine="vax"), tmp_path / "cache", silent)


def test_every_download_has_one_source_one_digest_and_its_size():
    for item in (*downloads(), *downloads("tests")):
        assert bool(item.npm) != bool(item.pip), item.name
        assert bool(item.sha512) != bool(item.sha256), item.name
        assert item.megabytes > 0
    document = tomllib.loads((Path(module.__file__).parent / "downloads.toml").read_text())
    assert len(document["download"]) == len(downloads()) + len(downloads("tests"))


def test_the_locks_have_hashes():
    for name in ("apps", "node"):
        assert "--hash=sha256:" in lock_file(name).read_text()


def test_a_missing_program_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing, match="bubblewrap is missing; install it with: sudo apt-get install bubblewrap"):
        need_program("bwrap", "bubblewrap", "the sandbox", silent)
    with pytest.raises(SetupMissing, match="sudo apt-get install thing"):
        install_package("thing", "a test", silent)
