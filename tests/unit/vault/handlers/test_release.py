"""A release from the request to the sealed answer, and what is left in the vault's stores."""

import msgspec
import pytest

from sealgrid.attestation.facts import parse_facts
from sealgrid.errors import ReleaseRefused
from sealgrid.vault.handlers.deposits import accept_deposit
from sealgrid.vault.handlers.nonce import issue_nonce
from sealgrid.vault.handlers.release import release_shares
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import ReleaseAnswer, ReleaseRequest
from tests.unit.vault.vault_scene import (
    DOMAIN,
    ENCLAVE,
    HPKE,
    MODEL_KEY,
    NONCES,
    OWNER,
    TASK,
    ask,
    evidence,
    granted_deposit,
    policy,
    release_request,
    report,
    settled,
    snapshot,
)
from tests.unit.vault.vault_service import SnapshotChain


async def requested(vault: Vault) -> ReleaseRequest:
    """Deposit the keys of the scene's deal and return its enclave's request with a nonce of this vault."""
    await accept_deposit(vault, MODEL_KEY.deposit(policy=policy(), policy_signature=policy().sign(DOMAIN, OWNER)))
    await accept_deposit(vault, granted_deposit())
    nonces = ((await issue_nonce(vault, ask())).nonce, *NONCES[1:])
    return release_request(evidence(nonces=nonces), nonces=nonces)


async def test_the_enclave_gets_both_shares_under_facts_that_are_stored_and_logged(vault: Vault) -> None:
    request = await requested(vault)
    reply = await release_shares(vault, request)
    opened = HPKE.open(reply.sealed, report(nonces=request.nonces))
    answer = msgspec.json.decode(opened, type=ReleaseAnswer)
    assert [share.index for share in answer.shares] == [1, 1]
    assert vault.task_store.find_release(TASK, ENCLAVE.address).facts == parse_facts(answer.facts)
    assert vault.log.frontier.size == 1


async def test_1_a_request_that_is_sent_twice_gets_one_answer(vault: Vault) -> None:
    request = await requested(vault)
    await release_shares(vault, request)
    with pytest.raises(ReleaseRefused) as caught:
        await release_shares(vault, request)
    assert caught.value.check == "1"


async def test_6_a_task_that_a_reorganisation_removed_is_refused_and_nothing_is_stored(
    vault: Vault, chain: SnapshotChain
) -> None:
    request = await requested(vault)
    chain.snapshot = snapshot(task_id="0x" + "77" * 32)
    with pytest.raises(ReleaseRefused) as caught:
        await release_shares(vault, request)
    assert caught.value.check == "6"
    assert (vault.task_store.find_release(TASK, ENCLAVE.address), vault.log.frontier.size) == (None, 0)


async def test_7_21_an_order_that_was_not_sent_gets_no_release(vault: Vault) -> None:
    request = msgspec.structs.replace(await requested(vault), request=None)
    with pytest.raises(ReleaseRefused) as caught:
        await release_shares(vault, request)
    assert caught.value.check == "7.21"


async def test_1_a_task_that_was_settled_while_the_chain_was_read_gets_no_second_release(
    vault: Vault, chain: SnapshotChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await requested(vault)
    read = chain.task

    async def settled_meanwhile(*args: str, **named: str) -> object:
        vault.task_store.store_settle(settled())
        return await read(*args, **named)

    monkeypatch.setattr(chain, "task", settled_meanwhile)
    with pytest.raises(ReleaseRefused) as caught:
        await release_shares(vault, request)
    assert caught.value.check == "1"
    assert vault.log.frontier.size == 0
