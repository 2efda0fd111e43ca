"""The sealed answer: only the attested key opens it, under the attested report data alone."""

from dataclasses import replace

import msgspec
import pytest

from sealgrid.attestation.vault_log import entry_of
from sealgrid.errors import ContainerRefused, ReleaseRefused
from sealgrid.units import to_digest
from sealgrid.vault.checks.entitlement import refusal_entitlement
from sealgrid.vault.handlers.bulk import log_inclusion
from sealgrid.vault.handlers.release_response import VaultSigner, bulk_share, make_facts, seal_response
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import ReleaseAnswer
from tests.unit.vault.vault_scene import (
    DOMAIN,
    FEDERATION,
    HPKE,
    MODEL_KEY,
    NOW,
    RESULT_KEY,
    SNAPSHOT,
    attested,
    facts,
    report,
)


def sealed(vault: Vault, key: bytes = HPKE.public) -> bytes:
    entry = vault.log.prepare(entry_of(facts(), attested().session, policy=1, block=7, time=NOW))
    return seal_response(
        attested(),
        facts(),
        (MODEL_KEY.stored_share(),),
        log_inclusion(vault, entry),
        key,
        signer=VaultSigner(vault.keys.signing, DOMAIN, vault.identity),
        at=NOW,
    )


def test_the_enclave_opens_facts_and_share(vault: Vault) -> None:
    answer = msgspec.json.decode(HPKE.open(sealed(vault), attested().report_data), type=ReleaseAnswer)
    assert answer.release.is_signed_by(vault.address, DOMAIN, answer.signature)
    assert (answer.facts, answer.shares[0].share) == (facts().encode(), MODEL_KEY.shares[0])


def test_another_key_or_session_opens_nothing(vault: Vault) -> None:
    answer = sealed(vault)
    for key, context in ((RESULT_KEY, attested().report_data), (HPKE, report(hpke_public=RESULT_KEY.public))):
        with pytest.raises(ContainerRefused):
            key.open(answer, context)


def test_4_a_key_that_cannot_be_sealed_to_gets_no_answer(vault: Vault) -> None:
    with pytest.raises(ReleaseRefused) as caught:
        sealed(vault, bytes(32))
    assert caught.value.check == "4"


def test_facts_of_a_refusal_name_it_and_no_secret() -> None:
    refused = make_facts(attested(), SNAPSHOT, refusal_entitlement("7.10"), FEDERATION, signature="eoa")
    assert (refused.refusal, refused.secrets, refused.release, refused.quorum) == ("7.10", (), "direct", 2)


def test_a_share_of_a_bulk_carries_the_hash_that_its_owner_signed(vault: Vault) -> None:
    pushed = replace(MODEL_KEY.stored_share("iexec"), value_hash=to_digest(b"\x62" * 32))
    entry = vault.log.prepare(entry_of(facts(), attested().session, policy=1, block=7, time=NOW))
    assert bulk_share(3, pushed, log_inclusion(vault, entry)).value == pushed.value_hash
    with pytest.raises(ValueError, match="value hash"):
        bulk_share(3, MODEL_KEY.stored_share(), log_inclusion(vault, entry))
