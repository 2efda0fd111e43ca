"""The outcome of a deal that t vaults refuse: no app runs, and the result has the reason."""

import io
import json
import zipfile

from msgspec.structs import replace as with_changes

from sealgrid.attestation.job_params import NO_RESULT_KEY, JobParams
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.seal import seal_result
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
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
