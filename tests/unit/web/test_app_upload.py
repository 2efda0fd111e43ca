"""The zip of an app from a browser: unpacked below one folder, refused with its reason."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.fetch_wheels import write_lock
from sealgrid.web import app_upload
from sealgrid.web.app_upload import MAX_FILES, unpack_app
from tests.unit.sdk.operations.wheel_files import write_wheel

PYTHON = running_python()
PIN = b"rows==1.0 --hash=sha256:" + b"00" * 32
APP = {"app.toml": b'name = "a"', "main.py": b"print(1)"}


def packed(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        for path in links:
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
    return content.getvalue()


def test_an_app_at_the_top_is_unpacked(tmp_path: Path) -> None:
    folder = unpack_app(packed(APP | {"data/a.txt": b"x"}), tmp_path, PYTHON)
    assert folder == tmp_path
    assert (folder / "data" / "a.txt").read_bytes() == b"x"


def test_an_app_in_the_one_folder_is_unpacked_without_files_of_tools(tmp_path: Path) -> None:
    files = {f"mine/{path}": data for path, data in APP.items()}
    other = {"__MACOSX/mine/._app.toml": b"", "mine/__pycache__/main.pyc": b"", "mine/.git/config": b""}
    folder = unpack_app(packed(files | other), tmp_path, PYTHON)
    assert folder == tmp_path / "mine"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["app.toml", "main.py"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "not a valid zip"),
        (packed(APP)[:-30], "not a valid zip"),
        (packed({"main.py": b""}), "no app.toml at the top"),
        (packed({"a/app.toml": b"", "b/x": b""}), "no app.toml at the top"),
        (packed({}), "no app.toml at the top"),
        (packed(APP | {"../x": b""}), "has an empty, '.' or '..' component"),
        (packed(APP | {"/etc/x": b""}), "is empty or absolute"),
        (packed(APP | {"a\\b": b""}), "interpret as another path"),
        (packed(APP | {"MAIN.py": b""}), "twice, or differs"),
        (packed(APP | {"main.py/x": b""}), "twice, or differs"),
        (packed(APP, links=("link",)), "is a link"),
        (packed(APP | {f"f{n}": b"" for n in range(MAX_FILES)}), f"at most {MAX_FILES}"),
        (
            packed(APP | {"requirements.txt": b"numpy"}),
            "a requirements.txt without a requirements.lock; run `sealgrid app lock",
        ),
        (
            packed({"a/app.toml": b"", "a/requirements.lock": PIN}),
            "are not all in the folder wheels; run `sealgrid app lock",
        ),
        (
            packed(APP | {"requirements.lock": PIN, "wheels/rows-1.0-py3-none-any.whl": b"x"}),
            "are not all in the folder",
        ),
        (packed(APP | {"requirements.lock": b"--index-url https://example.org\n"}), "are not all in the folder wheels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "zip",
)
def test_an_archive_that_is_no_app_is_refused_with_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InputRefused, match="Nothing was deployed") as refused:
        unpack_app(content, tmp_path / "app", PYTHON)
    assert reason in refused.value.message
    assert not (tmp_path / "x").exists()


def test_an_archive_that_grows_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_upload, "MAX_UNPACKED", 1 << 20)
    with pytest.raises(InputRefused, match="more than 1 MiB unpacked"):
        unpack_app(packed(APP | {"zeros": bytes(2 << 20)}), tmp_path, PYTHON)


def test_an_app_with_a_lock_and_its_wheels_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "app" / "wheels").mkdir(parents=True)
    wheel = write_wheel(tmp_path / "app" / "wheels", "rows", "1.0")
    (tmp_path / "app" / "requirements.txt").write_text("rows\n")
    lock = write_lock(tmp_path / "app", [wheel]).read_bytes()
    files = {"requirements.txt": b"rows\n", "requirements.lock": lock}
    files[f"wheels/{wheel.filename}"] = (tmp_path / "app" / "wheels" / wheel.filename).read_bytes()
    assert (unpack_app(packed(APP | files), tmp_path / "out", PYTHON) / "requirements.lock").is_file()
