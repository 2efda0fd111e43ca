"""Checks before a vault signs a Verdict: one bad case for each number."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.policy import Platform
from sealgrid.chain.views import TaskStatus
from sealgrid.receipts.receipt import EnclaveReport, build_body, sign_body
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import to_address, to_digest
from sealgrid.vault.checks.settle import check_receipt, check_settle, check_time, make_verdict
from tests.unit.vault.vault_scene import (
    APP_DIGEST,
    DEADLINE,
    DEPOSIT_KEY,
    DOMAIN,
    ENCLAVE,
    FEDERATION,
    HPKE,
    K2,
    MACHINE,
    MODEL,
    NONCES,
    NOW,
    ORDER,
    RUNTIME,
    SEALED,
    STORED_KEYS,
    STRANGER,
    Split,
    evidence,
    facts,
    key,
    number_of,
    policy,
    released,
    settle,
    settle_request,
    settled,
    snapshot,
    task,
)

OTHER = key("other enclave")


def decide(request: Any = None, released_before: Any = "usual", known: Any = None) -> Any:
    before = released() if released_before == "usual" else released_before
    request = request or settle_request()
    return check_settle(request, before, known, federation=FEDERATION, deposit_key=DEPOSIT_KEY)


def test_an_attested_enclaves_result_may_be_settled() -> None:
    _, escrowed = decide()
    assert (escrowed.record, escrowed.share) == (K2.record, K2.shares[0])


def test_1_an_enclave_that_got_no_release() -> None:
    assert number_of(decide, released_before=None) == "settle.1"
    assert number_of(decide, released_before=released(enclave=OTHER.address)) == "settle.1"


def test_2_a_settle_signed_by_another_key() -> None:
    assert number_of(decide, settle_request(by=STRANGER)) == "settle.2"


def test_2_a_settle_for_another_worker() -> None:
    assert number_of(decide, settle_request(settle(worker=STRANGER.address))) == "settle.2"


def test_3_a_second_result_of_one_enclave() -> None:
    assert number_of(decide, settle_request(settle(result_digest=MODEL)), known=settled()) == "settle.3"


def test_3_another_key_for_the_settled_result() -> None:
    other = Split(owner=ENCLAVE, asset=ENCLAVE.address, file_sha256=SEALED, dek=b"\x23" * 32)
    assert number_of(decide, settle_request(k2=other), known=settled()) == "settle.3"


def test_3_the_same_result_again_is_no_error() -> None:
    assert decide(known=settled())[1] == settled().result_share


def test_4_no_key_in_escrow() -> None:
    assert number_of(decide, settle_request(record=None)) == "settle.4"


def test_4_the_owner_may_do_without() -> None:
    direct = released(facts=facts(keys=replace(STORED_KEYS, policy=policy(release=1))))
    assert decide(settle_request(record=None), direct)[1] is None


@pytest.mark.parametrize(
    "other",
    [
        {"asset": to_address(b"\xaa" * 20)},
        {"owner": STRANGER},
        {"file_sha256": MODEL},
        {"hub": to_address(b"\xaa" * 20)},
        {"vaults": tuple(sorted([*FEDERATION.vaults[:2], STRANGER.address]))},
    ],
)
def test_4_a_record_about_something_else(other: Any) -> None:
    usual = {"owner": ENCLAVE, "asset": ENCLAVE.address, "file_sha256": SEALED}
    assert number_of(decide, settle_request(k2=Split(**usual | other))) == "settle.4"


def test_4_a_record_that_the_enclave_did_not_sign() -> None:
    assert number_of(decide, settle_request(record_signature=K2.record.sign(DOMAIN, STRANGER))) == "settle.4"


def test_4_a_share_of_another_vault_or_a_wrong_one() -> None:
    assert number_of(decide, settle_request(index=2)) == "settle.4"
    assert number_of(decide, settle_request(sealed=K2.sealed(K2.shares[1]))) == "settle.4"
    assert number_of(decide, settle_request(sealed=b"")) == "settle.4"


def receipt(by: Any = ENCLAVE, of_facts: Any = None, **changes: Any) -> Any:
    shown = evidence()
    usual = {
        "t": 2,
        "vaults": FEDERATION.vaults,
        "nonces": NONCES,
        "hpke_public": HPKE.public,
        "platform": Platform.SIMULATED,
        "runtime": RUNTIME,
        "quote": shown.raw,
        "collateral": shown.collateral.raw,
        "exit_class": "ok",
        "result_sha256": SEALED,
        "started": NOW,
        "finished": NOW,
    }
    return sign_body(
        build_body(of_facts or facts(), RequestDocument.of(ORDER), EnclaveReport(**usual | changes)), DOMAIN, by
    )


def judge(signed: Any, **changes: Any) -> Any:
    fields = {"result_digest": signed.body.result_digest, "receipt_sha256": signed.sha256()} | changes
    check_receipt(signed.encode(), settle(**fields), released(), DOMAIN)


def test_the_enclaves_receipt_agrees() -> None:
    judge(receipt())


def test_6_a_receipt_signed_by_another_key() -> None:
    assert number_of(judge, receipt(by=STRANGER)) == "settle.6"


def test_6_a_receipt_of_another_session_or_runtime() -> None:
    assert number_of(judge, receipt(nonces=NONCES[::-1])) == "settle.6"
    assert number_of(judge, receipt(runtime=MODEL)) == "settle.6"


def test_6_a_receipt_that_contradicts_the_facts() -> None:
    for changes in ({"worker": STRANGER.address}, {"attempt": 2}, {"dataset": None}, {"inputs": ()}):
        assert number_of(judge, receipt(of_facts=msgspec.structs.replace(facts(), **changes))) == "settle.6"


def test_6_a_digest_that_does_not_follow_from_the_receipt() -> None:
    assert number_of(judge, receipt(), result_digest=MODEL) == "settle.6"


def test_6_what_is_no_receipt() -> None:
    assert number_of(check_receipt, b"{}", settle(), released(), DOMAIN) == "settle.6"


@pytest.mark.parametrize("status", [each for each in TaskStatus if each is not TaskStatus.ACTIVE])
def test_7_a_task_that_is_not_active(status: Any) -> None:
    assert number_of(check_time, released(), snapshot(task=task(status=status)), at=NOW) == "settle.7"


def test_7_a_deadline_that_passed_by_either_clock() -> None:
    check_time(released(), snapshot(), at=DEADLINE - 1)
    assert number_of(check_time, released(), snapshot(), at=DEADLINE) == "settle.7"
    assert number_of(check_time, released(), snapshot(time=DEADLINE), at=NOW) == "settle.7"


def test_a_verdict_says_what_the_vault_found_and_not_what_the_enclave_says() -> None:
    verdict = make_verdict(settle(), released(), FEDERATION.vault_set, NOW)
    assert (verdict.app, verdict.runtime, verdict.platform) == (APP_DIGEST, RUNTIME, Platform.SIMULATED)
    assert (verdict.session, verdict.expiry, verdict.issued) == (released().session, DEADLINE, NOW)
    assert verdict.settle == to_digest(settle().struct_hash())
    assert verdict.vault_set == FEDERATION.vault_set
    assert MACHINE.trust_root.platform == verdict.platform


def test_the_repr_of_a_settled_result_contains_no_share() -> None:
    shown = repr(settled())
    assert K2.shares[0].value.hex() not in shown
    assert repr(K2.shares[0].value) not in shown


def test_7_a_deadline_that_is_not_the_released_one() -> None:
    longer = snapshot(task=task(contribution_deadline=DEADLINE + 100))
    assert number_of(check_time, released(), longer, at=NOW) == "settle.7"
