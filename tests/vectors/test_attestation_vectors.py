"""The published digests and receipts of the evidence, as the code sees them today."""

import base64
import json
from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation import binding
from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.facts import parse_facts, secrets_digest
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.task_inputs import TaskInputProof, TaskInputTree
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.receipts.receipt import parse_envelope, result_digest
from sealgrid.receipts.report import ChainEvidence, TrustPins
from sealgrid.receipts.verify import verify

HERE = Path(__file__).parent
DOCUMENTS = HERE.parents[1] / "docs" / "protocol"
BINDING = json.loads((HERE / "attestation_binding.json").read_text())
RECEIPT = json.loads((HERE / "attestation_receipt.json").read_text())
OPENED = json.loads((HERE / "attestation_receipt_opened.json").read_text())


def pins(vectors=RECEIPT):
    published = dict(vectors["pins"])
    root = TrustRoot(Platform.SIMULATED, base64.b64decode(published.pop("simulated_root")))
    runtime, vaults = published.pop("runtime"), tuple(published.pop("vaults"))
    return TrustPins(**published, vaults=vaults, roots=(root,), runtimes=frozenset({runtime}), allow_simulated=True)


def test_the_published_vault_set_and_report_data_recompute():
    members, parts = dict(BINDING["vault_set"]), dict(BINDING["report_data"])
    assert binding.vault_set(**{k: v for k, v in members.items() if k != "digest"}) == members["digest"]
    data = bytes.fromhex(parts.pop("data"))
    key, nonces = bytes.fromhex(parts.pop("hpke_public")), [bytes.fromhex(each) for each in parts.pop("nonces")]
    assert binding.report_data(**parts, hpke_public=key, nonces=nonces) == data
    assert binding.session(data) == BINDING["session"]


@pytest.mark.parametrize("vector", BINDING["runtimes"], ids=lambda vector: Platform(vector["platform"]).name)
def test_the_published_runtime_identities_recompute(vector):
    measured = [bytes.fromhex(each) for each in vector["measurements"]]
    assert binding.runtime_identity(Platform(vector["platform"]), measured) == vector["identity"]


def test_the_published_lock_recomputes():
    assert binding.locked_config(BINDING["locked_config"]["app_digest"]).hex() == BINDING["locked_config"]["config"]


def test_the_published_facts_parse_and_name_themselves():
    facts = parse_facts(BINDING["facts"]["document"].encode())
    assert (facts.digest(), secrets_digest(facts)) == (BINDING["facts"]["digest"], BINDING["facts"]["secrets"])


def test_the_published_proofs_show_which_input_is_a_tasks():
    files = BINDING["task_inputs"]["files"]
    proofs = msgspec.convert(BINDING["task_inputs"]["proofs"], tuple[TaskInputProof, ...])
    assert {proof.inputs for proof in proofs} == {TaskInputTree(files).inputs}
    assert [[proof.proves(file) for file in files] for proof in proofs] == [
        [file == own for file in files] for own in files
    ]


def test_the_published_result_digest_recomputes():
    result = BINDING["result"]
    assert result_digest(result["task"], result["sealed"], result["body"]) == result["digest"]


def test_the_published_deferred_callback_recomputes():
    published = BINDING["deferred_callback"]
    callback = DeferredCallback(bytes.fromhex(published["data"]), bytes.fromhex(published["salt"]))
    assert callback.commitment() == published["commitment"]
    assert deferred_digest(published["result"], published["commitment"]) == published["digest"]


@pytest.mark.parametrize("vectors", [RECEIPT, OPENED], ids=["receipt", "receipt_opened"])
def test_the_published_receipt_is_accepted_off_line_and_on_line(vectors):
    accepted = vectors["accepted"]
    for onchain in (None, ChainEvidence(**accepted["onchain"])):
        report = verify(accepted["envelope"].encode(), pins(vectors), onchain)
        assert report.ok, report.failed


@pytest.mark.parametrize("vector", RECEIPT["refused"], ids=lambda vector: vector["why"])
def test_a_published_bad_receipt_is_refused_by_its_check(vector):
    assert verify(vector["envelope"].encode(), pins()).failed.number == vector["check"]


def test_the_published_receipt_of_an_opened_dataset_says_so():
    assert parse_envelope(OPENED["accepted"]["envelope"].encode()).receipt.body.opened is True


@pytest.mark.parametrize("vector", OPENED["refused"], ids=lambda vector: vector["why"])
def test_a_published_receipt_of_a_dataset_that_cannot_have_opened_is_refused_by_its_check(vector):
    assert verify(vector["envelope"].encode(), pins(OPENED)).failed.number == vector["check"]


@pytest.mark.parametrize(
    ("document", "vector"),
    [
        ("evidence.md", BINDING["session"]),
        ("evidence.md", BINDING["vault_set"]["digest"]),
        ("facts.md", BINDING["facts"]["digest"]),
        ("receipt.md", BINDING["result"]["digest"]),
    ],
)
def test_the_documents_show_the_same_digests(document, vector):
    assert vector in (DOCUMENTS / document).read_text()


def test_the_published_receipt_of_a_refused_deal_is_accepted_and_names_the_refusal():
    settled = RECEIPT["settled_refusal"]
    assert verify(settled["envelope"].encode(), pins()).ok
    assert parse_envelope(settled["envelope"].encode()).refusal == settled["check"]
