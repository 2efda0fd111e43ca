"""Checks before a vault issues a nonce: check (1.1) to (1.7) of docs/protocol/release.md. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import Domain, find_signer, personal_digest
from sealgrid.errors import ReleaseRefused
from sealgrid.units import Address, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.wire.vault import Authorization, NonceRequest, SignedReassign

NONCE_BYTES = 32
MAX_ATTEMPTS = 3  #: enclaves of one task, one after the other


@dataclass(frozen=True, slots=True)
class EnclaveAttempt:
    """One enclave's attempt at a task."""

    task: TaskId
    number: int  #: 1 … MAX_ATTEMPTS
    worker: Address
    enclave: Address


def authorization_digest(authorization: Authorization) -> bytes:
    """Return the 32 bytes that the pool owner signs: EIP-191 over keccak(worker, task, enclave), as in PoCo."""
    check_canonical(addresses=(authorization.worker, authorization.enclave), digests=(authorization.task,))
    return personal_digest(poco_authorisation(authorization.worker, authorization.task, authorization.enclave))


def check_nonce_request(
    request: NonceRequest,
    snapshot: ChainSnapshot,
    attempts: Sequence[EnclaveAttempt],
    *,
    settled: bool,
    restored_at: int,
    domain: Domain,
) -> EnclaveAttempt:
    """Return the attempt to issue a nonce for; raise ReleaseRefused.

    (1.1) The task is ACTIVE at a confirmed block.
    (1.2) The owner of the deal's workerpool authorised this worker and enclave for it. If a PoolGate of the federation
          owns the pool, its operator did.
    (1.3) No enclave of this task has its Verdict yet.
    (1.4) The enclave is the task's first, or the latest, or the pool signed a Reassign to it.
    (1.5) The Reassign names this task, worker and enclave.
    (1.6) Its attempt is above every earlier one and at most 3, and its enclave is new.
    (1.7) The deal was made after this vault was last restored: a backup lacks the attempts made since.

    ``attempts`` are those that this vault knows, oldest first. A vault that missed an attempt learns the number from
    the Reassign. It must grow, so a task never has more than three enclaves at any vault.
    """
    authorization = request.authorization
    if snapshot.task.status is not TaskStatus.ACTIVE:  # (1.1)
        raise ReleaseRefused("1.1", "the task is not active on the chain, so there is nothing to compute.")
    digest = authorization_digest(authorization)
    # As in PoCo: an account with code is verified by ERC-1271 only, even if it also has a key.
    accepted = snapshot.pool_contract_accepts
    if accepted is None:
        accepted = find_signer(digest, authorization.signature) == snapshot.pool_signer
    if not accepted:  # (1.2)
        raise ReleaseRefused("1.2", "the pool's owner did not authorise this worker and enclave for this task.")
    if settled:  # (1.3)
        raise ReleaseRefused("1.3", "an enclave of this task already has its verdict; no other run is admitted.")
    if snapshot.deal.start_time <= restored_at:  # (1.7)
        raise ReleaseRefused(
            "1.7", "this vault was restored from a backup after the deal was made; use the other vaults."
        )
    latest = attempts[-1] if attempts else None
    if latest is not None and (latest.worker, latest.enclave) == (authorization.worker, authorization.enclave):
        return latest
    if request.reassign is None and latest is None:
        return EnclaveAttempt(authorization.task, 1, authorization.worker, authorization.enclave)
    if request.reassign is None:  # (1.4)
        raise ReleaseRefused("1.4", "the task already has another enclave; the pool must sign a Reassign.")
    return _check_reassign(request.reassign, authorization, snapshot, attempts, domain)


def _check_reassign(
    signed: SignedReassign,
    authorization: Authorization,
    snapshot: ChainSnapshot,
    attempts: Sequence[EnclaveAttempt],
    domain: Domain,
) -> EnclaveAttempt:
    reassign = signed.reassign
    if not reassign.is_signed_by(snapshot.pool_signer, domain, signed.signature):  # (1.4)
        raise ReleaseRefused("1.4", "the Reassign is not signed by the owner of the deal's workerpool.")
    if (reassign.task, reassign.worker, reassign.enclave) != (
        authorization.task,
        authorization.worker,
        authorization.enclave,
    ):  # (1.5)
        raise ReleaseRefused("1.5", "the Reassign names another task, worker or enclave.")
    last = max((attempt.number for attempt in attempts), default=1)
    known = {attempt.enclave for attempt in attempts}
    if not last < reassign.attempt <= MAX_ATTEMPTS or reassign.enclave in known:  # (1.6)
        raise ReleaseRefused(
            "1.6", f"attempt {reassign.attempt} does not follow attempt {last} of at most {MAX_ATTEMPTS}."
        )
    return EnclaveAttempt(authorization.task, reassign.attempt, authorization.worker, authorization.enclave)
