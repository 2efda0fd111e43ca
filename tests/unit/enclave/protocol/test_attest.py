"""One quote over the nonces of all vaults that answered; fewer than t answers end the session."""

from dataclasses import dataclass

import pytest

from sealgrid.attestation.binding import session
from sealgrid.enclave.protocol.attest import NO_NONCE, TrustedVaults, attest, require_replies
from sealgrid.errors import EvidenceRefused, ReleaseRefused, ServiceUnavailable
from sealgrid.wire.platform import QuoteAnswer
from sealgrid.wire.vault import NonceReply
from tests.unit.enclave.protocol.release_scene import KEYS, LAUNCH, WELCOME
from tests.unit.vault import vault_scene as scene

DOWN, REFUSED = ServiceUnavailable("the vault is down."), ReleaseRefused("1.2", "the pool did not authorise this.")


@dataclass
class NonceVault:
    """A vault that sends this nonce, or fails."""

    reply: bytes | Exception

    async def nonce(self, _: object) -> NonceReply:
        if isinstance(self.reply, Exception):
            raise self.reply
        return NonceReply(vault=scene.FEDERATION.own_address, nonce=self.reply, expires=scene.NOW)


class Port:
    """The platform's quoting interface, which returns the report data as its quote."""

    def quote(self, data: bytes) -> QuoteAnswer:
        return QuoteAnswer(quote=data, collateral=b"", platform=255, runtime=scene.RUNTIME)


async def attested(*replies: bytes | Exception) -> object:
    clients = tuple(NonceVault(reply) for reply in replies)
    vaults = TrustedVaults(scene.FEDERATION.vaults, clients, 2, scene.DOMAIN)
    return await attest(LAUNCH, KEYS, WELCOME, vaults, Port())


async def test_the_quote_is_bound_to_each_vaults_nonce_at_its_place() -> None:
    made = await attested(*scene.NONCES)
    assert (made.nonces, made.report_data) == (scene.NONCES, scene.report())
    assert (made.quote.quote, made.session) == (scene.report(), session(scene.report()))


async def test_a_vault_that_sent_none_has_zeros_in_its_place() -> None:
    made = await attested(scene.NONCES[0], DOWN, scene.NONCES[2])
    nonces = (scene.NONCES[0], NO_NONCE, scene.NONCES[2])
    assert (made.nonces, made.report_data) == (nonces, scene.report(nonces=nonces))


@pytest.mark.parametrize("nonce", [b"", bytes(31), bytes(33)])
async def test_17_a_vault_with_a_nonce_of_another_size_counts_as_one_that_sent_none(nonce: bytes) -> None:
    made = await attested(scene.NONCES[0], nonce, scene.NONCES[2])
    assert made.nonces == (scene.NONCES[0], NO_NONCE, scene.NONCES[2])
    with pytest.raises(EvidenceRefused) as caught:
        await attested(scene.NONCES[0], nonce, nonce)
    assert caught.value.check == "17"


async def test_fewer_than_t_nonces_are_reported_by_the_refusal_rather_than_the_outage() -> None:
    with pytest.raises(ReleaseRefused) as caught:
        await attested(DOWN, scene.NONCES[1], REFUSED)
    assert caught.value.check == "1.2"
    with pytest.raises(ServiceUnavailable):
        await attested(DOWN, scene.NONCES[1], DOWN)


def test_an_error_of_the_runtime_itself_is_raised_first() -> None:
    with pytest.raises(KeyError):
        require_replies(2, [REFUSED, KeyError("a bug"), object()])
    require_replies(1, [REFUSED, object()])
