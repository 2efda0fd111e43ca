"""Who gets a nonce: check (1) of docs/protocol/release.md, the half that comes before the quote."""

from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import Domain, personal_digest
from sealgrid.errors import ReleaseRefused
from sealgrid.units import Address, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.signatures import canonical, recovered
from sealgrid.wire.vault import Authorization, NonceRequest, SignedReassign

NONCE_BYTES = 32
MOST_ATTEMPTS = 3  #: enclaves that one task may have, one after the other


@dataclass(frozen=True, slots=True)
class EnclaveAttempt:
    """An enclave that may attest for a task."""

    task: TaskId
    number: int  #: 1 … MOST_ATTEMPTS
    worker: Address
    enclave: Address


def authorised_digest(authorization: Authorization) -> bytes:
    """Return the 32 bytes that the pool owner signed (EIP-191 over keccak(worker, task, enclave), as in PoCo)."""
    canonical(addresses=(authorization.worker, authorization.enclave), digests=(authorization.task,))
    return personal_digest(poco_authorisation(authorization.worker, authorization.task, authorization.enclave))


def check_nonce_request(
    request: NonceRequest,
    snapshot: ChainSnapshot,
    attempts: Sequence[EnclaveAttempt],
    *,
    settled: bool,
    restored: int,
    domain: Domain,
) -> EnclaveAttempt:
    """Return the attempt that a nonce may be given to; raise ReleaseRefused.

    (1.1) The task is ACTIVE at a confirmed block.
    (1.2) The owner of the deal's workerpool authorised this worker and enclave for it; our gate's operator, if that is
          the owner.
    (1.3) No enclave of this task has its verdict yet.
    (1.4) The enclave is the task's first, or the one that asked last, or the pool signed its Reassign.
    (1.5) The Reassign names this task, worker and enclave.
    (1.6) Its attempt is above every earlier one and at most 3, and its enclave is new.
    (1.7) The deal was made after this vault was last restored from a backup, which forgot what came after it.

    ``attempts`` are the ones that this vault knows, oldest first. A vault that was away for an attempt learns the
    number from the Reassign: it must grow, so a task never has more than three enclaves at any vault.
    """
    asked = request.authorization
    if snapshot.task.status is not TaskStatus.ACTIVE:  # (1.1)
        raise ReleaseRefused("1.1", "the task is not active on the chain; nothing is left to compute for it.")
    if not _pool_signed(authorised_digest(asked), asked.signature, snapshot):  # (1.2)
        raise ReleaseRefused("1.2", "the pool's owner did not authorise this worker and enclave for this task.")
    if settled:  # (1.3)
        raise ReleaseRefused("1.3", "an enclave of this task has its verdict; no other run is admitted.")
    if snapshot.deal.start_time <= restored:  # (1.7)
        raise ReleaseRefused("1.7", "this vault was restored from a backup after the deal was made; ask the others.")
    latest = attempts[-1] if attempts else None
    if latest is not None and (latest.worker, latest.enclave) == (asked.worker, asked.enclave):
        return latest
    if request.reassign is None and latest is None:
        return EnclaveAttempt(asked.task, 1, asked.worker, asked.enclave)
    if request.reassign is None:  # (1.4)
        raise ReleaseRefused("1.4", "the task has another enclave already; the pool must sign a Reassign.")
    return _reassigned(request.reassign, asked, snapshot, attempts, domain)


def _reassigned(
    signed: SignedReassign,
    asked: Authorization,
    snapshot: ChainSnapshot,
    attempts: Sequence[EnclaveAttempt],
    domain: Domain,
) -> EnclaveAttempt:
    word = signed.reassign
    if not word.is_signed_by(snapshot.pool_speaker, domain, signed.signature):  # (1.4)
        raise ReleaseRefused("1.4", "the Reassign is not signed by the owner of the deal's workerpool.")
    if (word.task, word.worker, word.enclave) != (asked.task, asked.worker, asked.enclave):  # (1.5)
        raise ReleaseRefused("1.5", "the Reassign speaks of another task, worker or enclave.")
    last = max((attempt.number for attempt in attempts), default=1)
    known = {attempt.enclave for attempt in attempts}
    if not last < word.attempt <= MOST_ATTEMPTS or word.enclave in known:  # (1.6)
        raise ReleaseRefused(
            "1.6", f"attempt {word.attempt} does not follow attempt {last} of at most {MOST_ATTEMPTS}."
        )
    return EnclaveAttempt(asked.task, word.attempt, asked.worker, asked.enclave)


def _pool_signed(digest: bytes, signature: bytes, snapshot: ChainSnapshot) -> bool:
    # As PoCo asks: an account with code answers for itself (ERC-1271), whatever key it may also have.
    if snapshot.pool_contract_agrees is not None:
        return snapshot.pool_contract_agrees
    return recovered(digest, signature) == snapshot.pool_speaker
