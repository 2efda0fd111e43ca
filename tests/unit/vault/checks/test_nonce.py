"""Checks before a vault issues a nonce: (1.1) to (1.7)."""

from typing import Any

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, ReleaseRefused
from sealgrid.units import to_digest
from sealgrid.vault.checks.nonce import EnclaveAttempt, authorization_digest, check_nonce_request
from tests.unit.vault.vault_scene import (
    ATTEMPT,
    DOMAIN,
    ENCLAVE,
    STRANGER,
    TASK,
    WORKER,
    ask,
    authorization,
    key,
    reassign,
    snapshot,
    task,
)

SECOND, THIRD, FOURTH = key("second enclave"), key("third enclave"), key("fourth enclave")
AFTER = EnclaveAttempt(TASK, 2, WORKER.address, SECOND.address)


def decide(request: Any, attempts: Any = (), *, chain: Any = None, settled: bool = False, restored_at: int = 0) -> Any:
    chain = chain or snapshot()
    return check_nonce_request(request, chain, attempts, settled=settled, restored_at=restored_at, domain=DOMAIN)


def refused(number: str, *args: Any, **named: Any) -> Any:
    with pytest.raises(ReleaseRefused) as caught:
        decide(*args, **named)
    assert caught.value.check == number


def test_the_first_authorised_enclave_is_attempt_one() -> None:
    assert decide(ask()) == ATTEMPT


def test_the_same_enclave_may_ask_again() -> None:
    assert decide(ask(), [ATTEMPT]) == ATTEMPT


@pytest.mark.parametrize("status", [TaskStatus.REVEALING, TaskStatus.COMPLETED, TaskStatus.FAILED])
def test_a_task_that_is_not_active_gets_none(status: Any) -> None:
    refused("1.1", ask(), chain=snapshot(task=task(status=status)))


def test_a_worker_that_signs_its_own_authorisation_gets_none() -> None:
    refused("1.2", ask(by=WORKER))


def test_an_authorisation_of_another_enclave_gets_none() -> None:
    taken = authorization(SECOND)
    mixed = ask().authorization.__class__(
        task=TASK, worker=WORKER.address, enclave=ENCLAVE.address, signature=taken.signature
    )
    refused("1.2", ask().__class__(authorization=mixed))


def test_a_cut_signature_gets_none() -> None:
    signed = authorization()
    cut = signed.__class__(
        task=signed.task, worker=signed.worker, enclave=signed.enclave, signature=signed.signature[:64]
    )
    refused("1.2", ask().__class__(authorization=cut))


def test_the_operator_of_a_gate_authorises_and_the_pools_owner_by_name_does_not() -> None:
    operated = snapshot(pool_signer=STRANGER.address)
    assert decide(ask(by=STRANGER), chain=operated) == ATTEMPT
    refused("1.2", ask(), chain=operated)


def test_a_pool_that_is_a_contract_answers_for_itself() -> None:
    refused("1.2", ask(), chain=snapshot(pool_contract_accepts=False))
    assert decide(ask(by=STRANGER), chain=snapshot(pool_contract_accepts=True)) == ATTEMPT


def test_a_settled_task_gets_no_other_run() -> None:
    refused("1.3", ask(SECOND, reassign(2, SECOND)), [ATTEMPT], settled=True)


def test_a_second_enclave_needs_the_pools_reassign() -> None:
    refused("1.4", ask(SECOND), [ATTEMPT])
    assert decide(ask(SECOND, reassign(2, SECOND)), [ATTEMPT]) == AFTER


def test_a_reassign_by_the_worker_does_not_count() -> None:
    refused("1.4", ask(SECOND, reassign(2, SECOND, by=WORKER)), [ATTEMPT])


@pytest.mark.parametrize(
    "other",
    [
        {"task": to_digest(b"\xee" * 32)},
        {"worker": STRANGER.address},
    ],
)
def test_a_reassign_about_something_else_does_not_count(other: Any) -> None:
    refused("1.5", ask(SECOND, reassign(2, SECOND, **other)), [ATTEMPT])
    refused("1.5", ask(SECOND, reassign(2, THIRD)), [ATTEMPT])


@pytest.mark.parametrize("attempt", [0, 1, 4])
def test_attempts_grow_and_end_at_three(attempt: int) -> None:
    refused("1.6", ask(SECOND, reassign(attempt, SECOND)), [ATTEMPT])


def test_a_fourth_enclave_gets_none() -> None:
    third = EnclaveAttempt(TASK, 3, WORKER.address, THIRD.address)
    refused("1.6", ask(FOURTH, reassign(3, FOURTH)), [ATTEMPT, AFTER, third])


def test_an_enclave_that_was_replaced_does_not_come_back() -> None:
    refused("1.4", ask(ENCLAVE), [ATTEMPT, AFTER])
    refused("1.6", ask(ENCLAVE, reassign(3, ENCLAVE)), [ATTEMPT, AFTER])


def test_a_vault_that_was_away_for_the_first_attempt_learns_the_number() -> None:
    assert decide(ask(SECOND, reassign(2, SECOND)), []) == AFTER


def test_a_second_spelling_of_an_address_is_refused() -> None:
    signed = authorization()
    shouted = signed.__class__(
        task=signed.task, worker=signed.worker, enclave="0x" + signed.enclave[2:].upper(), signature=signed.signature
    )
    with pytest.raises(InputRefused):
        authorization_digest(shouted)


def test_a_restored_vault_leaves_deals_from_before_to_the_others() -> None:
    began = snapshot().deal.start_time
    refused("1.7", ask(), restored_at=began)
    refused("1.7", ask(), [ATTEMPT], restored_at=began + 1)
    assert decide(ask(), restored_at=began - 1) == ATTEMPT
