"""The outcome of a task: the log of an app, and a deal that t vaults refuse, in which no app runs."""

import io
import json
import zipfile

import pytest
from msgspec.structs import replace as with_changes

from sealgrid.attestation.job_params import NO_RESULT_KEY, JobParams
from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.seal import seal_result
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
from tests.unit.enclave.task_scene import Task
from tests.unit.vault import vault_scene as scene

REFUSED = {"refusal": "7.10", "secrets": (), "inputs": (), "result_key": NO_RESULT_KEY, "release": "direct"}


def refused(**changes):
    return with_changes(scene.facts(), **REFUSED | changes)


def test_the_result_has_only_number_and_sentence_and_is_not_encrypted():
    facts = refused(params="no JSON at all")
    outcome = app_job.refused(facts)
    order = scene.ordered(params=facts.params)
    request = VerifiedRequest(RequestDocument.of(order), order, JobParams(), "eoa")
    sealed = seal_result(outcome.archive, request, facts, scene.FEDERATION.vaults, 2)
    with zipfile.ZipFile(io.BytesIO(sealed.content)) as files:
        assert files.namelist() == ["sealgrid.json"]
        assert json.loads(files.read("sealgrid.json")) == {
            "exit": -1,
            "refused": {"check": "7.10", "sentence": "the dataset's owner refuses this requester."},
        }
    assert (outcome.exit_class, outcome.callback, sealed.record, sealed.shares) == ("refused", None, None, ())


def test_the_callback_data_are_empty():
    assert app_job.refused(refused(callback=scene.STRANGER.address)).callback == b""


def logging_app(log: str, *outputs: str) -> dict[str, bytes]:
    """Return an app that prints ``log`` and writes these outputs besides its result."""
    names = ["result.json", *outputs]
    source = f"""
import json, os
print({log!r})
out = os.environ["IEXEC_OUT"]
for name in {names!r}:
    with open(os.path.join(out, name), "w") as file:
        file.write("the app's")
with open(out + "/computed.json", "w") as file:
    json.dump({{"deterministic-output-path": out + "/result.json"}}, file)
"""
    return {"main.py": source.encode()}


def performed(task: Task) -> tuple[dict[str, bytes], dict[str, object]]:
    outcome = task.perform()
    files = task.files(outcome)
    assert outcome.exit_class == "ok", files
    return files, json.loads(files["sealgrid.json"])


def test_the_log_of_an_app_that_succeeded_is_in_its_result(tmp_path):
    files, status = performed(Task(tmp_path, app=logging_app("3 rows read")))
    assert (status["log"], files["app.log"]) == ("app.log", b"3 rows read\n")


def test_the_log_is_in_no_digest(tmp_path_factory):
    digests = {
        performed(Task(tmp_path_factory.mktemp(name), app=logging_app(name)))[1]["digest"] for name in ("one", "two")
    }
    assert len(digests) == 1


def test_an_output_keeps_its_name_and_the_log_gets_another(tmp_path):
    files, status = performed(Task(tmp_path, app=logging_app("3 rows read", "App.Log", "app-2.log")))
    assert (files["App.Log"], files["app-2.log"]) == (b"the app's", b"the app's")
    assert (status["log"], files["app-3.log"]) == ("app-3.log", b"3 rows read\n")


@pytest.mark.parametrize(("limit", "kept"), [(120, True), (94, False)])
def test_a_log_that_does_not_fit_beside_the_outputs_loses_its_beginning_or_is_left_out(tmp_path, limit, kept):
    limits = AppLimits(memory=256 << 20, processes=4, output_bytes=limit)
    files, status = performed(Task(tmp_path, app=logging_app("a" * 500 + "b"), limits=limits))
    assert ("log" in status) == kept
    if kept:
        assert files["app.log"].endswith(b"ab\n")
        outputs = {name: content for name, content in files.items() if name != "sealgrid.json"}
        assert sum(len(name) + len(content) for name, content in outputs.items()) == limit


def test_an_app_that_logs_nothing_has_no_log(tmp_path):
    files, status = performed(Task(tmp_path))
    assert "log" not in status
    assert "app.log" not in files
