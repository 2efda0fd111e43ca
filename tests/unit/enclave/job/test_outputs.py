"""Outputs of an app: one bad case for each of (1) to (5), and deterministic archives."""

import io
import os
import socket
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.enclave.job import outputs
from sealgrid.enclave.job.outputs import collect, pack_result
from sealgrid.errors import AppFailed, HostFailed

LIMIT = 1000


def test_plain_files_are_collected_with_their_paths(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(b"1")
    (tmp_path / "d").write_bytes(b"")
    assert collect(tmp_path, LIMIT) == {"a/b/c": b"1", "d": b""}


@given(st.dictionaries(st.from_regex(r"[a-c]{1,3}(/[d-f]{1,3})?", fullmatch=True), st.binary(max_size=9), max_size=4))
def test_a_requester_unpacks_what_the_app_wrote(files):
    parents = {path.rpartition("/")[0] for path in files}
    files = {path: content for path, content in files.items() if path not in parents}
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            target = Path(folder, path)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        collected = collect(Path(folder), LIMIT)
    with zipfile.ZipFile(io.BytesIO(pack_result(collected))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def plant_link(folder):
    (folder / "x").symlink_to("/etc/passwd")


def plant_link_to_a_folder(folder):
    (folder / "x").symlink_to("/etc")


def plant_pipe(folder):
    os.mkfifo(folder / "x")


def plant_socket(folder):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "x"))


@pytest.mark.parametrize("plant", [plant_link, plant_link_to_a_folder, plant_pipe, plant_socket])
def test_1_an_entry_that_is_not_a_plain_file_is_refused(tmp_path, plant):
    plant(tmp_path)
    with pytest.raises(AppFailed, match="not a plain file"):
        collect(tmp_path, LIMIT)


def test_2_a_file_with_a_second_name_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "out/x").hardlink_to(tmp_path / "outside")
    with pytest.raises(AppFailed, match="second name"):
        collect(tmp_path / "out", LIMIT)


@pytest.mark.parametrize(
    "name", [b"a\\b", b"a\nb", b"\xff", "e\u0301".encode()], ids=["backslash", "line", "no-utf8", "nfd"]
)
def test_3_a_name_that_other_systems_interpret_differently_is_refused(tmp_path, name):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    with pytest.raises(AppFailed, match="name"):
        collect(tmp_path, LIMIT)


def test_4_more_bytes_than_allowed_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(bytes(LIMIT // 2))
    (tmp_path / "b").write_bytes(bytes(LIMIT // 2 + 1))
    with pytest.raises(AppFailed, match="above its limit"):
        collect(tmp_path, LIMIT)


def test_4_a_sparse_file_is_refused_before_it_is_read_whole(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(AppFailed, match="above its limit"):
        collect(tmp_path, LIMIT)


def test_4_too_many_files_and_too_deep_folders_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "MAX_FILES", 3)
    for name in "abcd":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(AppFailed, match="more than 3 files"):
        collect(tmp_path, LIMIT)
    monkeypatch.undo()
    (tmp_path / ("x/" * 40)).mkdir(parents=True)
    with pytest.raises(AppFailed, match="deep"):
        collect(tmp_path, 100 * LIMIT)


def test_4_names_count_as_output_since_they_could_leak_the_model(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}{'n' * 200}").write_bytes(b"")
    with pytest.raises(AppFailed, match="above its limit"):
        collect(tmp_path, 2000)


def test_no_refusal_repeats_a_name_that_the_app_chose(tmp_path):
    (tmp_path / "AB-123-CD").symlink_to("/etc/passwd")
    with pytest.raises(AppFailed) as refused:
        collect(tmp_path, LIMIT)
    assert "AB-123" not in str(refused.value)


def test_an_unreadable_folder_is_the_hosts_fault(tmp_path):
    with pytest.raises(HostFailed):
        collect(tmp_path / "none", LIMIT)


def test_a_link_that_a_real_app_leaves_is_refused(scene):
    scene.says("import os; os.symlink('/etc/passwd', '/iexec_out/x')")
    with pytest.raises(AppFailed, match="not a plain file"):
        collect(scene.folders.outputs, LIMIT)


@pytest.mark.parametrize("name", ["sealgrid.json", "Sealgrid.JSON", "sealgrid.json/x"])
def test_5_the_name_of_the_runtimes_file_is_reserved(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b'{"exit":0,"digest":"0x00"}')
    with pytest.raises(AppFailed, match=r"named sealgrid\.json"):
        collect(tmp_path, LIMIT)


def test_5_below_the_top_an_output_may_have_any_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/sealgrid.json").write_bytes(b"the app's")
    assert collect(tmp_path, LIMIT) == {"a/sealgrid.json": b"the app's"}
