"""Each pair of writers to an enclave's folders: neither can replace a file of the other."""

import msgspec
import pytest

from sealgrid.bundle.manifest import AppFileEntry, Manifest, WheelEntry
from sealgrid.bundle.verify import check_manifest
from sealgrid.enclave.job.app_layout import JobFolders
from sealgrid.enclave.protocol.relay_files import write_new
from sealgrid.errors import BundleRefused
from tests.unit.enclave.task_scene import DATASET, REPORT_APP, Task

TRUE, FORGED = b"the owner's true table", b"numbers that the requester likes better"
BULK = "0x" + "b1" * 20
FILE = AppFileEntry(path="m.py", size=0, sha256="0x" + "00" * 32)


@pytest.fixture
def task(tmp_path):
    return Task(tmp_path)


def text(report, folder, name):
    return bytes.fromhex(report[folder][name]).decode()


@pytest.mark.parametrize("name", [DATASET, DATASET.upper().replace("0X", "0x")])
def test_requester_and_dataset(task, name):
    task.dataset = TRUE
    report = task.give(files=((name, FORGED),)).report()
    assert report["datasets"] == {f"/iexec_in/{DATASET}": TRUE.hex()}
    assert report["inputs"] == {f"/iexec_inputs/{name}": FORGED.hex()}
    assert report["environment"]["IEXEC_DATASET_FILENAME"] == DATASET


def test_requester_and_bulk_dataset(task):
    task.bulk = [(BULK, TRUE)]
    report = task.give(files=((BULK, FORGED),)).report()
    assert report["datasets"] == {f"/iexec_in/{BULK}": TRUE.hex()}
    assert report["inputs"] == {f"/iexec_inputs/{BULK}": FORGED.hex()}


def test_bulk_dataset_and_bulk_dataset(task):
    task.bulk = [(BULK, TRUE), ("0x" + "b2" * 20, FORGED), (BULK, TRUE)]
    report = task.report()
    assert report["datasets"] == {f"/iexec_in/{BULK}": TRUE.hex(), f"/iexec_in/0x{'b2' * 20}": FORGED.hex()}
    assert [report["environment"][f"IEXEC_DATASET_{n}_FILENAME"] for n in (1, 2, 3)] == [BULK, "0x" + "b2" * 20, BULK]


def test_two_bulk_datasets_of_one_sealed_file(task):
    task.bulk = [(BULK, TRUE), ("0x" + "b2" * 20, TRUE)]
    assert set(task.report()["datasets"].values()) == {TRUE.hex()}


@pytest.mark.parametrize("other", ["letter", "LETTER"])
def test_requester_and_requester_in_two_sealed_inputs(task, other):
    task.give(files=(("letter", b"first"),)).give(files=((other, b"second"),))
    assert task.log().startswith("(input.4)")


def test_two_sealed_inputs_of_one_requester_lie_side_by_side(task):
    report = task.give(files=(("a", b"1"),), secrets={"1": "x"}).give(files=(("b", b"2"),), secrets={"2": "y"}).report()
    assert report["inputs"] == {"/iexec_inputs/a": b"1".hex(), "/iexec_inputs/b": b"2".hex()}
    assert (report["environment"]["IEXEC_REQUESTER_SECRET_1"], report["environment"]["IEXEC_REQUESTER_SECRET_2"]) == (
        "x",
        "y",
    )


def test_secrets_of_two_sealed_inputs(task):
    task.give(secrets={"1": "x"}).give(secrets={"1": "y"})
    assert task.log().startswith("(input.5)")


def test_secrets_of_a_sealed_input_and_of_iexecs_route(task):
    task.pushed_secrets = {"1": b"pushed"}
    assert "both give secret number 1" in task.give(secrets={"1": "sealed"}).log()


def test_secrets_and_files(task):
    """Secrets are opened into files of the runtime's own, whatever a requester calls its files."""
    task.developer_secret, task.pushed_secrets = b"developer's", {"2": b"pushed"}
    names = ("0", "1", "2", "3", "scratch", "IEXEC_APP_DEVELOPER_SECRET")
    report = task.give(files=tuple((name, FORGED) for name in names), secrets={"1": "sealed"}).report()
    assert set(report["inputs"].values()) == {FORGED.hex()}
    shown = {name: value for name, value in report["environment"].items() if "SECRET" in name}
    assert shown == {
        "IEXEC_APP_DEVELOPER_SECRET": "developer's",
        "IEXEC_APP_DEVELOPER_SECRET_1": "developer's",
        "IEXEC_REQUESTER_SECRET_1": "sealed",
        "IEXEC_REQUESTER_SECRET_2": "pushed",
    }


def test_requester_and_app(task):
    task.app["helper.py"] = b"true = 1\n"
    report = task.give(files=(("main.py", FORGED), ("helper.py", FORGED))).report()
    assert report["app"] == {"/app/main.py": REPORT_APP.encode().hex(), "/app/helper.py": b"true = 1\n".hex()}


def test_requester_and_wheels(task):
    wheels = JobFolders(task.folder).path("wheels")
    write_new(wheels / "library.py", b"true = 1\n")
    report = task.give(files=(("library.py", FORGED), ("wheels", FORGED))).report()
    assert report["wheels"] == {"/wheels/library.py": b"true = 1\n".hex()}


def test_requester_and_outputs(task):
    """What a requester names like an output is neither there for the app nor in the result."""
    task.give(files=(("result.json", FORGED), ("computed.json", FORGED), ("sealgrid.json", FORGED)))
    files = task.files(outcome := task.perform())
    assert outcome.exit_class == "ok"
    assert FORGED not in files.values()
    assert b'"out":{}' in files["result.json"].replace(b" ", b"")


def test_dataset_and_app(task):
    """An app that has a file named like the dataset keeps it, and the dataset its own."""
    task.dataset, task.app[DATASET] = TRUE, FORGED
    report = task.report()
    assert text(report, "datasets", f"/iexec_in/{DATASET}") == TRUE.decode()
    assert text(report, "app", f"/app/{DATASET}") == FORGED.decode()


def test_the_runtimes_own_folder_has_nothing_opened_when_the_app_runs(task):
    task.dataset, task.developer_secret = TRUE, b"s"
    task.give(files=(("a", b"1"),)).report()
    assert list((task.folder / "scratch").iterdir()) == []


def test_scratch_paths_are_never_the_same(tmp_path):
    folders = JobFolders(tmp_path)
    assert len({folders.new_scratch_path() for _ in range(100)}) == 100


def test_a_writer_never_replaces_a_file(tmp_path):
    write_new(tmp_path / "name", b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "name", b"second")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "link", b"through a link")
    assert not (tmp_path / "elsewhere").exists()


def test_an_existing_file_ends_the_task_and_is_not_replaced(task):
    task.dataset = TRUE
    write_new(JobFolders(task.folder).path("datasets") / DATASET, FORGED)
    with pytest.raises(FileExistsError):
        task.perform()


def test_the_app_writes_nothing_but_outputs(task):
    task.dataset = TRUE
    task.app["main.py"] = (
        "import os\n"
        "def refused(path):\n"
        "    try:\n"
        "        open(path, 'wb')\n"
        "    except OSError:\n"
        "        return True\n"
        f"assert all(map(refused, ['/iexec_in/{DATASET}', '/iexec_in/x', '/iexec_inputs/a', '/iexec_inputs/x', '/app/x']))\n"
    ).encode() + REPORT_APP.encode()
    assert text(task.give(files=(("a", b"1"),)).report(), "datasets", f"/iexec_in/{DATASET}") == TRUE.decode()


def test_wheels_and_the_environments_archive_in_downloads():
    wheel = {"name": "a", "version": "1", "sha256": "0x" + "00" * 32}
    msgspec.convert(wheel | {"filename": "environment.whl"}, WheelEntry)
    for name in ("environment", "../a-1-py3-none-any.whl", "x/a-1-py3-none-any.whl"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wheel | {"filename": name}, WheelEntry)


def test_wheel_and_wheel_in_downloads():
    """Two wheels of one file name would be two of one package, which (8) refuses."""
    twice = [
        WheelEntry(name=name, version="1", filename="a_b-1-py3-none-any.whl", sha256="0x" + "00" * 32)
        for name in ("a-b", "a_b")
    ]
    manifest = Manifest(name="a", version="1", python="3.11", entrypoint=("m.py",), files=(FILE,), wheels=tuple(twice))
    with pytest.raises(BundleRefused) as refused:
        check_manifest(manifest)
    assert refused.value.check == "8"
