"""Wheels and environments are found by the digest of their content."""

from sealgrid.crypto.digests import sha256
from sealgrid.units import to_digest
from sealgrid.worker.wheel_index import WheelIndex


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return to_digest(sha256(content))


async def test_a_wheel_and_an_environment_are_found_by_digest(tmp_path):
    wheel = write(tmp_path / "one" / "a-1-py3-none-any.whl", b"wheel")
    environment = write(tmp_path / "two" / "environments" / "e.zip", b"environment")
    index = WheelIndex([tmp_path / "one", tmp_path / "two"])
    assert await index.path(wheel) == tmp_path / "one" / "a-1-py3-none-any.whl"
    assert await index.path(environment) == tmp_path / "two" / "environments" / "e.zip"


async def test_other_files_are_not_indexed(tmp_path):
    other = write(tmp_path / "a.tar.gz", b"source")
    assert await WheelIndex([tmp_path]).path(other) is None


async def test_a_file_that_is_added_later_is_found(tmp_path):
    index = WheelIndex([tmp_path])
    wheel = to_digest(sha256(b"wheel"))
    assert await index.path(wheel) is None
    write(tmp_path / "a-1-py3-none-any.whl", b"wheel")
    assert await index.path(wheel) == tmp_path / "a-1-py3-none-any.whl"
