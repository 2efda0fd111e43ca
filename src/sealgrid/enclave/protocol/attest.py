"""Remote attestation: one quote that is bound to this task, these keys and one nonce of each vault.

The steps are those of docs/protocol/release.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sealgrid.attestation.binding import NONCE_BYTES, report_data, session, vault_set
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.protocol.quote_port import QuotePort
from sealgrid.errors import CheckFailed, EvidenceRefused, SealgridError
from sealgrid.units import Address, Digest
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer
from sealgrid.wire.quorum import call_all
from sealgrid.wire.relay import RelayWelcome
from sealgrid.wire.vault import NonceRequest, VaultClient

NO_NONCE = bytes(32)  #: stands for a vault that sent none; that vault will not release, the others may


@dataclass(frozen=True)
class EnclaveKeys:
    """The two keys of one task. They never leave the enclave."""

    signing: SigningKey = field(repr=False)
    hpke: HpkeKey = field(repr=False)


@dataclass(frozen=True)
class TrustedVaults:
    """The federation that this enclave trusts, in ascending order, with a client for each member."""

    addresses: tuple[Address, ...]
    clients: tuple[VaultClient, ...]
    threshold: int
    domain: Domain

    def client(self, vault: Address) -> VaultClient:
        """Return the client of one member."""
        return self.clients[self.addresses.index(vault)]


@dataclass(frozen=True)
class AttestedSession:
    """One session: the quote and the nonces that it covers."""

    quote: QuoteAnswer
    nonces: tuple[bytes, ...]
    report_data: bytes
    vault_set: Digest

    @property
    def session(self) -> Digest:
        """Return the session's identifier, which every release repeats."""
        return session(self.report_data)


async def attest(
    launch: LaunchRequest, keys: EnclaveKeys, welcome: RelayWelcome, vaults: TrustedVaults, port: QuotePort
) -> AttestedSession:
    """Collect one nonce per vault and request one quote over all of them.

    (17) A nonce has 32 bytes; a vault that sends another one counts as a vault that sends none.
    """
    request = NonceRequest(authorization=welcome.authorization, reassign=welcome.reassign)
    replies = await call_all([_nonce(vault, request) for vault in vaults.clients], enough=vaults.threshold)
    nonces = tuple(NO_NONCE if isinstance(reply, BaseException) else reply for reply in replies)
    require_replies(vaults.threshold, replies)
    federation = vault_set(
        chain=launch.chain, hub=launch.hub, broker=launch.broker, t=vaults.threshold, vaults=vaults.addresses
    )
    data = report_data(
        chain=launch.chain,
        hub=launch.hub,
        task=launch.task,
        worker=launch.worker,
        app_digest=launch.app_digest,
        enclave=keys.signing.address,
        hpke_public=keys.hpke.public,
        vault_set=federation,
        nonces=nonces,
    )
    return AttestedSession(quote=port.quote(data), nonces=nonces, report_data=data, vault_set=federation)


async def _nonce(vault: VaultClient, request: NonceRequest) -> bytes:
    reply = await vault.nonce(request)
    if len(reply.nonce) != NONCE_BYTES:  # (17)
        raise EvidenceRefused("17", f"vault {reply.vault} sent a nonce of {len(reply.nonce)} bytes.")
    return reply.nonce


def require_replies(threshold: int, replies: Sequence[object]) -> None:
    """Raise a vault's error unless at least ``threshold`` replies are not errors.

    A refusal is raised in preference to an unreachable vault's error: it says more.
    """
    errors = [reply for reply in replies if isinstance(reply, BaseException)]
    if len(replies) - len(errors) >= threshold:
        return
    for error in errors:
        if not isinstance(error, SealgridError):
            raise error
    raise next((error for error in errors if isinstance(error, CheckFailed)), errors[0])
