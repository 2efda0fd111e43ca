"""Bad input of a requester or developer is settled as the input's failure, and never attributed to the host."""

import errno
import io
import json
import zipfile
from collections.abc import Callable

import msgspec
import pytest

from sealgrid.bundle import job_input
from sealgrid.bundle.job_input import MAX_FILES, MAX_TEXT_BYTES, JobInput, split_arguments, unpack
from sealgrid.crypto import container
from sealgrid.enclave.job import app_job, inputs
from sealgrid.enclave.job.inputs import proves_key
from sealgrid.errors import (
    AppFailed,
    ContainerRefused,
    FileUnopened,
    HostFailed,
    InputRefused,
    SealgridError,
    SetupMissing,
)
from sealgrid.wire.relay import RelayReply, RelayRequest
from tests.unit.enclave.task_scene import DATASET, Task


@pytest.fixture
def task(tmp_path):
    return Task(tmp_path)


def archive(settings: object = None, files: tuple[tuple[str, bytes], ...] = (), **changes: object) -> bytes:
    """Return a sealed input as somebody writes it who does not use our code."""
    fields = {"schema": "sealgrid/input/1", "args": [], "files": [name for name, _ in files], "secrets": {}} | changes
    document = settings if isinstance(settings, bytes) else json.dumps(fields).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as written:
        written.writestr("input.json", document)
        for name, content in files:
            written.writestr("files/" + name, content)
    return target.getvalue()


def bursting() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(
            "input.json", json.dumps({"schema": "sealgrid/input/1", "args": [], "files": ["a"], "secrets": {}})
        )
        written.writestr("files/a", bytes(10 << 20))
    return target.getvalue()


LONG = "x" * (MAX_TEXT_BYTES + 1)
BAD = {
    "no archive": ("input.1", b"PK\x03\x04 and nothing that makes sense"),
    "nothing": ("input.1", b""),
    "an archive that bursts": ("input.1", bursting()),
    "an archive without its document": ("input.1", archive(b"{}").replace(b"input.json", b"other.json")),
    "a file that is listed and not there": ("input.1", archive(files=(("a", b""),)).replace(b"files/a", b"files/b")),
    "no JSON": ("input.2", archive(b"no JSON")),
    "a document with a field of its own": ("input.2", archive(more=1)),
    "another schema": ("input.2", archive(schema="sealgrid/input/2")),
    "bytes that are no text": ("input.2", archive(b'{"schema": "\xff\xfe"}')),
    "a half character": (
        "input.2",
        archive(b'{"schema":"sealgrid/input/1","args":["\\ud800"],"files":[],"secrets":{}}'),
    ),
    "nesting": ("input.2", archive(b"[" * 50_000)),
    "arguments that are no text": ("input.2", archive(args=[1])),
    "a name with a slash": ("input.3", archive(files=(("a/b", b""),))),
    "a name that climbs": ("input.3", archive(files=(("..", b""),))),
    "an empty name": ("input.3", archive(files=(("", b""),))),
    "a name with a line break": ("input.3", archive(files=(("a\nb", b""),))),
    "a name with a drive": ("input.3", archive(files=(("C:a", b""),))),
    "a name with a zero byte": ("input.3", archive(files=(("a\0b", b""),))),
    "a name that is too long": ("input.3", archive(files=(("é" * 128, b""),))),
    "too many files": ("input.1", archive(files=tuple((str(n), b"") for n in range(MAX_FILES + 1)))),
    "names that differ in letter case": ("input.4", archive(files=(("a", b""), ("A", b"")))),
    "names that differ in normal form": ("input.4", archive(files=(("\u00e9", b""), ("e\u0301", b"")))),
    "a secret named =": ("input.5", archive(secrets={"=": "v"})),
    "a secret without a name": ("input.5", archive(secrets={"": "v"})),
    "a secret named with a zero byte": ("input.5", archive(secrets={"1\0": "v"})),
    "a secret named 01": ("input.5", archive(secrets={"01": "v"})),
    "a secret named 0": ("input.5", archive(secrets={"0": "v"})),
    "a secret named in other digits": ("input.5", archive(secrets={"\u0661": "v"})),
    "a secret named with a line break": ("input.5", archive(secrets={"1\n": "v"})),
    "a secret whose number is too large": ("input.5", archive(secrets={"10000": "v"})),
    "a secret with a zero byte": ("input.6", archive(secrets={"1": "a\0b"})),
    "an argument with a zero byte": ("input.6", archive(args=["a\0b"])),
    "a secret that no variable holds": ("input.7", archive(secrets={"1": LONG})),
    "an argument that no program takes": ("input.7", archive(args=[LONG])),
    "more arguments than a program takes": ("input.7", archive(args=["x" * 1000] * 1100)),
    "a million empty arguments": ("input.7", archive(args=[""] * (1 << 20))),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_sealed_input_is_settled_as_the_inputs(task, name):
    check, content = BAD[name]
    task.archives = [content]
    assert task.log().startswith(f"({check}) ")


@pytest.mark.parametrize("name", BAD)
def test_every_reader_refuses_it_by_the_same_check(name):
    check, content = BAD[name]
    with pytest.raises(InputRefused, match=rf"^\({check}\)"):
        unpack(content)


def test_input_just_within_every_limit_reaches_the_app(task):
    args = ("x" * MAX_TEXT_BYTES,) * 5
    report = task.give(
        args=args, secrets={"1": "y" * MAX_TEXT_BYTES, "9999": ""}, files=(("é" * 127, b"\0"), ("nul.txt", b""))
    ).report()
    assert [len(each) for each in report["args"]] == [MAX_TEXT_BYTES] * 5
    assert len(report["environment"]["IEXEC_REQUESTER_SECRET_1"]) == MAX_TEXT_BYTES
    assert report["environment"]["IEXEC_REQUESTER_SECRET_9999"] == ""


def test_a_child_process_of_the_app_accepts_the_same_input(task):
    task.app["main.py"] = (
        b"import subprocess, sys\n"
        b"if len(sys.argv) < 8:\n"
        b"    subprocess.run([sys.executable, '-I', '-S', '-c', 'pass', *sys.argv[1:]], check=True)\n"
    ) + task.app["main.py"]
    assert len(task.give(args=("x" * MAX_TEXT_BYTES,) * 6, secrets={"1": "y" * MAX_TEXT_BYTES}).report()["args"]) == 6


@pytest.mark.parametrize("arguments", ["'never closed", '"', "ends in \\"])
def test_public_arguments_that_cannot_be_split_are_the_requesters(task, arguments):
    task.public_args = arguments
    assert task.log().startswith("(input.8)")
    with pytest.raises(InputRefused, match=r"^\(input\.8\)"):
        split_arguments(arguments)


def test_public_arguments_with_a_zero_byte_are_the_requesters(task):
    task.public_args = "a\0b"
    assert task.log().startswith("(input.6) argument 1")


def test_several_inputs_that_are_too_much_together(task):
    for _ in range(9):
        task.give(args=("x" * MAX_TEXT_BYTES,))
    assert task.log().startswith("(input.7)")


def test_input_that_is_too_large_is_the_requesters_by_its_digest(task, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_SEALED_BYTES", 1 << 20)
    task.give(files=(("large", bytes(3 << 20)),))
    assert "has more than" in task.log()


def test_bytes_that_the_worker_adds_are_attributed_to_the_host(task, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_SEALED_BYTES", 1 << 20)
    task.give(files=(("small", b"x"),))
    agreed = task._quorum()
    task._quorum = lambda: agreed
    task.stored = {digest: content + bytes(3 << 20) for digest, content in task.stored.items()}
    with pytest.raises(HostFailed, match="other bytes"):
        task.perform()


def test_files_that_are_too_much_for_an_enclave_are_refused_before_they_are_sealed(monkeypatch):
    monkeypatch.setattr(job_input, "MAX_INPUT_BYTES", 1 << 20)
    JobInput(files=(("a", bytes(1 << 20)),)).pack()
    with pytest.raises(InputRefused, match=r"^\(input\.9\)"):
        JobInput(files=(("a", bytes(1 << 20)), ("b", b"x"))).pack()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"a\0b", "(input.6)"),
        (b"x" * (MAX_TEXT_BYTES + 1), "(input.7)"),
        (b"x" * (3 << 20), "has more than"),
    ],
    ids=["bytes", "zero byte", "long", "huge"],
)
@pytest.mark.parametrize("whose", ["developer", "requester"])
def test_a_pushed_secret_that_fits_no_variable_is_its_owners_failure(task, whose, content, reason):
    if whose == "developer":
        task.developer_secret = content
    else:
        task.pushed_secrets = {"1": content}
    assert reason in task.log()


def test_a_manifest_without_memory_for_an_interpreter_is_the_developers(task):
    task.limits = msgspec.structs.replace(task.limits, memory=(32 << 20) - 1)
    assert "less than the 32 MiB" in task.log()


def test_all_that_a_requester_may_give_starts_in_the_least_memory(task):
    task.limits = msgspec.structs.replace(task.limits, memory=32 << 20)
    task.app["main.py"] = (
        b"open('/iexec_out/computed.json', 'w').write('{\"deterministic-output-path\": \"/iexec_out/computed.json\"}')"
    )
    task.give(args=("x" * MAX_TEXT_BYTES,) * 4, secrets={str(n): "y" * MAX_TEXT_BYTES for n in (1, 2, 3, 4)})
    assert task.perform().exit_class == "ok"


def test_an_input_that_opens_with_another_key_is_the_requesters(task):
    task.give(args=("a",))
    agreed = task._quorum()
    wrong = msgspec.structs.replace(agreed.facts)
    task._quorum = lambda: app_job.replace(agreed, facts=wrong, keys=dict.fromkeys(agreed.keys, bytes(32)))
    assert "does not open with the key" in task.log()


def test_a_dataset_that_opens_with_another_key_is_its_sellers(task):
    task.dataset = b"weights"
    agreed = task._quorum()
    task._quorum = lambda: app_job.replace(agreed, keys=dict.fromkeys(agreed.keys, bytes(32)))
    outcome = task.perform()
    files = task.files(outcome)
    assert (outcome.exit_class, outcome.opened) == ("unopened", False)
    assert json.loads(files["sealgrid.json"]) == {"exit": -1, "unopened": {"dataset": DATASET}}
    assert b"does not open with the key" in files["app.log"]


def test_a_run_that_opened_its_dataset_reports_it_however_the_app_ended(task):
    task.dataset = b"weights"
    assert task.perform().opened


def test_a_run_without_a_dataset_opens_none(task):
    assert not task.perform().opened


def test_an_app_that_fails_on_an_opened_dataset_proves_its_opening(task):
    task.dataset = b"weights"
    task.app["main.py"] = b"raise SystemExit(3)"
    outcome = task.perform()
    assert (outcome.exit_class, outcome.opened) == ("app-failed", True)


def test_a_bad_input_proves_no_opening_of_the_dataset_beside_it(task):
    task.dataset = b"weights"
    task.archives = [b"no archive"]
    outcome = task.perform()
    assert (outcome.exit_class, outcome.opened) == ("app-failed", False)


def test_a_file_in_iexecs_form_proves_no_opening(task):
    task.dataset = b"weights"
    facts = task._quorum().facts
    assert proves_key(facts)
    pushed = tuple(msgspec.structs.replace(each, kind="iexec") for each in facts.secrets)
    assert not proves_key(msgspec.structs.replace(facts, secrets=pushed)), "it has no tag"


def test_an_input_that_does_not_open_proves_nothing_about_the_dataset(task):
    task.dataset = b"weights"
    task.give(args=("a",))
    agreed = task._quorum()
    (sealed,) = agreed.facts.inputs
    task._quorum = lambda: app_job.replace(agreed, keys={**agreed.keys, sealed: bytes(32)})
    assert "does not open with the key" in task.log()


def test_an_input_that_is_not_found_is_attributed_to_the_host(task):
    task.give(args=("a",))
    agreed = task._quorum()
    task._quorum, task.stored = (lambda: agreed), {}
    with pytest.raises(HostFailed, match=r"the sealed file .* was not found"):
        task.perform()


def test_a_public_file_that_is_not_found_is_attributed_to_the_host(task):
    task.public_files = [url_of(task, "a.txt", b"true")]
    task.stored.clear()
    with pytest.raises(HostFailed, match=r"the input file .* was not found"):
        task.perform()


@pytest.mark.parametrize(
    "bad",
    [
        JobInput(args=("a\0b",)),
        JobInput(args=("\ud800",)),
        JobInput(args=(LONG,)),
        JobInput(secrets={"=": "v"}),
        JobInput(secrets={"1": "a\0b"}),
        JobInput(secrets={"1": "\ud800"}),
        JobInput(files=(("\ud800", b""),)),
        JobInput(files=(("a\nb", b""),)),
        JobInput(files=(("\u00e9", b""), ("e\u0301", b""))),
    ],
)
def test_the_client_packs_none_of_it(bad):
    with pytest.raises(InputRefused, match=r"^\(input\.[3-7]\)"):
        bad.pack()


def url_of(task: Task, name: str, content: bytes) -> str:
    return f"https://example.org/{name}#sha256={task.store(content)[2:]}"


def test_public_files_come_before_the_sealed_ones(task):
    task.public_files = [url_of(task, "b.txt", b"second of the alphabet"), url_of(task, "a.txt", b"first")]
    report = task.give(files=(("sealed", b"private"),)).report()
    names = [report["environment"][f"IEXEC_INPUT_FILE_NAME_{number}"] for number in (1, 2, 3)]
    assert names == ["b.txt", "a.txt", "sealed"]
    assert bytes.fromhex(report["inputs"]["/iexec_inputs/b.txt"]) == b"second of the alphabet"
    assert report["environment"]["IEXEC_INPUT_FILES_NUMBER"] == "3"


def test_a_public_file_with_other_bytes_is_the_hosts_doing(task):
    task.public_files = [url_of(task, "a.txt", b"true")]
    (digest,) = task.stored
    task.stored[digest] = b"forged"
    with pytest.raises(HostFailed, match="gave other bytes"):
        task.perform()


def test_a_public_file_and_a_sealed_one_of_the_same_name_are_the_requesters_doing(task):
    task.public_files = [url_of(task, "letter", b"public")]
    task.give(files=(("LETTER", b"private"),))
    assert task.log().startswith("(input.4)")


def test_public_files_that_are_too_large_together_are_the_requesters_doing(task, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_INPUT_BYTES", 5)
    task.public_files = [url_of(task, "a", b"1234"), url_of(task, "b", b"5678")]
    assert "has more than 1 bytes" in task.log()


def test_an_enclave_holds_no_sealed_copy_beside_a_dataset(task):
    """The task's folders are the enclave's memory; they are measured whenever it asks for a piece."""
    task.dataset, task.app["main.py"] = bytes(9 << 20), b"raise SystemExit(3)"
    held, sealed, answer = [], [], task._answer

    def measured(frame):
        sizes = {path: path.stat().st_size for path in task.folder.rglob("*") if path.is_file()}
        held.append(sum(sizes.values()))
        sealed.append(sum(size for path, size in sizes.items() if "scratch" in path.parts))
        return answer(frame)

    task._answer = measured
    assert task.perform().opened
    assert max(sealed) == 0
    assert 4 << 20 <= max(held) <= 1.1 * len(task.dataset)


def test_a_dataset_with_a_byte_that_the_worker_changed_is_the_hosts_doing_and_is_removed(task):
    task.dataset = bytes(6 << 20)
    agreed = task._quorum()
    task._quorum = lambda: agreed
    task.stored = {digest: content[:-1] + b"x" for digest, content in task.stored.items()}
    with pytest.raises(HostFailed, match="other bytes"):
        task.perform()
    assert not list((task.folder / "datasets").iterdir())


def forged(error: SealgridError, *, call: str = "read") -> Callable[[RelayRequest], RelayReply]:
    """Return the replies of a worker that states an error instead of carrying a file."""
    return lambda frame: (
        RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        if frame.call == call
        else RelayReply(id=frame.id)
    )


FORGED = (
    AppFailed("the app failed.", log="", exit=1),
    FileUnopened("the file does not open.", digest="0x" + "00" * 32),
    ContainerRefused("4", "a chunk was changed."),
    InputRefused("the input is bad."),
    SetupMissing("nothing is set up."),
)


@pytest.mark.parametrize("error", FORGED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("file", ["dataset", "input", "public file", "secret"])
def test_no_error_that_the_worker_states_about_a_file_is_settled(task, file, error):
    match file:
        case "dataset":
            task.dataset = b"weights"
        case "input":
            task.give(args=("a",))
        case "public file":
            task.public_files = [url_of(task, "a.txt", b"true")]
        case "secret":
            task.developer_secret = b"secret"
    task._answer = forged(error)
    with pytest.raises(HostFailed):
        task.perform()


@pytest.mark.parametrize("error", FORGED, ids=lambda error: type(error).__name__)
def test_no_error_that_the_worker_states_omits_a_dataset_of_a_bulk(task, error):
    task.bulk = [(DATASET, b"weights")]
    task._answer = forged(error)
    with pytest.raises(HostFailed):
        task.perform()


@pytest.mark.parametrize("error", FORGED, ids=lambda error: type(error).__name__)
def test_no_error_that_the_worker_states_before_the_app_starts_is_settled(task, error):
    task._answer = forged(error, call="stage")
    with pytest.raises(HostFailed):
        task.perform()


def test_a_dataset_that_does_not_fit_into_memory_leaves_no_part_of_it(task, monkeypatch):
    def full(stream: container.SealedStream, *pieces: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    task.dataset = b"weights"
    monkeypatch.setattr(container.SealedStream, "write", full)
    with pytest.raises(OSError, match="no space left"):
        task.perform()
    assert not list((task.folder / "datasets").iterdir())
