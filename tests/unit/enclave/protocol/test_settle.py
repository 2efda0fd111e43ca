"""Settling a result: which verdicts an enclave counts, and which share each vault gets."""

from dataclasses import replace

import msgspec
import pytest

from sealgrid.enclave.job.app_job import JobOutcome
from sealgrid.enclave.job.seal import SealedResult
from sealgrid.enclave.protocol.attest import TrustedVaults
from sealgrid.enclave.protocol.release import ReleaseQuorum
from sealgrid.enclave.protocol.settle import Settlement
from sealgrid.receipts.request_document import RequestDocument, verify_request
from sealgrid.vault.checks.settle import make_verdict
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import SettleReply
from tests.unit.enclave.protocol.release_scene import KEYS, SESSION
from tests.unit.vault import vault_scene as scene

VAULTS = scene.FEDERATION.vaults
SETTLEMENT = Settlement(
    keys=KEYS,
    vaults=TrustedVaults(VAULTS, (), 2, scene.DOMAIN),
    attested=SESSION,
    quorum=ReleaseQuorum(
        request=verify_request(RequestDocument.of(scene.ORDER), scene.facts()),
        facts=scene.facts(),
        facts_bytes=scene.facts().encode(),
        releases={},
        deposit_keys=dict.fromkeys(VAULTS, scene.DEPOSIT_KEY.public),
        keys={},
    ),
    outcome=JobOutcome(b"", "ok", opened=True),
    sealed=SealedResult(b"sealed", scene.SEALED, scene.K2.record, scene.K2.shares),
    started=scene.NOW,
    finished=scene.NOW,
)
STATEMENT = scene.settle()
VERDICT = make_verdict(STATEMENT, scene.released(), scene.FEDERATION.vault_set, scene.NOW)


def counts(verdict: object = VERDICT, by: object = scene.VAULTS[0]) -> bool:
    reply = SettleReply(verdict=verdict, signature=verdict.sign(scene.DOMAIN, by))
    return SETTLEMENT.is_verdict(VAULTS[0], reply, STATEMENT)


def test_the_verdict_of_this_vault_on_this_result_counts_at_any_time_before_its_expiry() -> None:
    assert counts()
    assert counts(msgspec.structs.replace(VERDICT, issued=scene.DEADLINE))


@pytest.mark.parametrize("name", [each for each in VERDICT.__struct_fields__ if each not in {"issued", "platform"}])
def test_a_verdict_that_differs_in_a_field_does_not_count(name: str) -> None:
    value = getattr(VERDICT, name)
    other = value - 1 if isinstance(value, int) else scene.flipped(bytes.fromhex(value[2:])).hex()
    changed = other if isinstance(other, int) else "0x" + other
    assert not counts(msgspec.structs.replace(VERDICT, **{name: changed}))


@pytest.mark.parametrize("issued", [0, scene.DEADLINE + 1])
def test_a_verdict_of_no_time_or_from_after_its_expiry_does_not_count(issued: int) -> None:
    assert not counts(msgspec.structs.replace(VERDICT, issued=issued))


def test_another_vaults_signature_does_not_count() -> None:
    assert not counts(by=scene.VAULTS[1])


def test_each_vault_gets_its_own_share_under_the_enclaves_record() -> None:
    for vault, share in zip(VAULTS, scene.K2.shares, strict=True):
        request = SETTLEMENT.request(vault, STATEMENT)
        context = scene.K2.record.digest(scene.DOMAIN)
        assert open_share(request.sealed, request.index, scene.DEPOSIT_KEY, context) == share
        assert request.record.is_signed_by(scene.ENCLAVE.address, scene.DOMAIN, request.record_signature)


def test_a_direct_release_sends_no_share() -> None:
    direct = replace(SETTLEMENT, sealed=SealedResult(b"sealed", scene.SEALED, None, ()))
    assert direct.request(VAULTS[0], STATEMENT).record is None


def test_the_receipt_is_signed_by_the_enclave_and_says_that_the_dataset_opened() -> None:
    receipt = SETTLEMENT.receipt()
    assert receipt.body.opened is True
    statement = SETTLEMENT.statement(receipt)
    assert (statement.receipt_sha256, statement.sealed_sha256) == (receipt.sha256(), scene.SEALED)
