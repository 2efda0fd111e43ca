"""An enclave settles a refusal that t vaults signed alike, runs no app for it, and takes no other: check (16)."""

import io
import json
import zipfile

import pytest
from msgspec.structs import replace as with_changes

from sealgrid.attestation.job_params import NO_RESULT_KEY, JobParams
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.seal import seal_result
from sealgrid.enclave.protocol.release import check_settled_refusal
from sealgrid.errors import EvidenceRefused
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
from tests.unit.vault import vault_scene as scene

REFUSED = {"refusal": "7.10", "secrets": (), "inputs": (), "result_key": NO_RESULT_KEY, "release": "direct"}


def refused(**changes):
    return with_changes(scene.facts(), **REFUSED | changes)


def test_the_result_holds_nothing_but_number_and_sentence_and_is_sealed_to_nobody():
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


def test_a_contract_that_is_called_back_gets_no_byte():
    assert app_job.refused(refused(callback=scene.STRANGER.address)).callback == b""


def test_facts_that_refuse_nothing_and_those_that_refuse_well_are_taken():
    check_settled_refusal(scene.facts())
    check_settled_refusal(refused())


@pytest.mark.parametrize(
    "lie",
    [
        {"refusal": "3.5"},
        {"refusal": "made up"},
        {"secrets": scene.facts().secrets},
        {"inputs": scene.facts().inputs},
        {"result_key": scene.facts().result_key},
        {"release": "escrow"},
    ],
)
def test_16_a_refusal_that_cannot_be_settled(lie):
    with pytest.raises(EvidenceRefused) as caught:
        check_settled_refusal(refused(**lie))
    assert caught.value.check == "16"
