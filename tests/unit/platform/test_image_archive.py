"""A runtime image travels as one archive, and measures the same when it is unpacked."""

import errno
import gzip
import io
import tarfile
from pathlib import Path

import pytest

from sealgrid.errors import EvidenceRefused, ServiceUnavailable
from sealgrid.platform.image import measure
from sealgrid.platform.image_archive import pack_image, unpack_image


def image(folder: Path) -> Path:
    for name, content, mode in (
        ("bin/tool", b"#!", 0o755),
        ("lib/é.py", b"x = 1\n" * 999, 0o644),
        ("empty", b"", 0o644),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    return folder


def test_an_unpacked_image_measures_as_the_packed_one(tmp_path: Path):
    source = image(tmp_path / "image")
    for name in ("one", "two"):
        pack_image(source, measure(source), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    unpack_image(tmp_path / "one", tmp_path / "unpacked")
    assert sorted(measure(tmp_path / "unpacked")) == sorted(measure(source))


def member(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    return gzip.compress(packed.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        gzip.compress(b"no archive"),
        member("../outside"),
        member("/etc/outside"),
        member("a//b"),
        member("link", tarfile.SYMTYPE),
        member("hard", tarfile.LNKTYPE),
        member("device", tarfile.CHRTYPE),
        member("file")[:-12],
        member("file")[:10] + bytes([0xFF] * 8) + member("file")[18:],
    ],
    ids=["bytes", "gzip", "parent", "absolute", "empty-part", "symlink", "link", "device", "cut", "deflate"],
)
def test_an_archive_that_is_damaged_or_leaves_its_folder_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(EvidenceRefused, match="the archive of the network's runtime is damaged"):
        unpack_image(tmp_path / "archive", tmp_path / "in" / "unpacked")
    assert [path.name for path in tmp_path.iterdir() if path.name not in {"archive", "in"}] == []


def test_a_full_disk_is_no_damage_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = image(tmp_path / "image")
    pack_image(source, measure(source), tmp_path / "archive")

    def full(path: Path, mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "chmod", full)
    with pytest.raises(ServiceUnavailable, match="No space left on device"):
        unpack_image(tmp_path / "archive", tmp_path / "unpacked")
