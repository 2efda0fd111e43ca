"""When a vault gives its shares away: the numbered proof of docs/protocol/release.md over plain data.

(1) The nonce is ours, unexpired, consumed before anything else, and was given to this task, worker and enclave.
(2) The quote's chain ends at a configured root: strict TCB policy, evaluation number that never falls, our clock.
(3) Debug is off and the platform's TCB is in order.
(4) The report data equals ours, recomputed with our federation; (4b) the locked field equals the app's digest;
    SGX has none, and its runtime identity names the app too.
(5) The runtime is allowed, on the chain and by the owner.
(6) The chain, read by ourselves at one confirmed block, agrees: hub's broker, task, deadline, tag, trust, app.
(7) Each secret follows from the deal (``entitlement.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sealgrid.attestation import binding, verification
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot, VerifiedClaims
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import CheckFailed, InputRefused, ReleaseRefused
from sealgrid.poco import tags
from sealgrid.poco.proof_judge import ProofJudge, judge_of
from sealgrid.units import Digest
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.nonce import NONCE_BYTES, EnclaveAttempt
from sealgrid.vault.checks.signatures import canonical
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import Authorization, ReleaseRequest

HPKE_BYTES = 32


@dataclass(frozen=True, slots=True)
class IssuedNonce:
    """A nonce as it was given out; it is no longer in the store when the proof begins."""

    attempt: EnclaveAttempt
    expires: int


@dataclass(frozen=True, slots=True)
class TrustedRoots:
    """Which platforms a vault believes, and how fresh their collateral must be."""

    roots: tuple[TrustRoot, ...]
    evaluation: Mapping[Digest, int]  #: highest evaluation number that was seen of each series; only ever grows
    simulated: bool  #: whether the simulated platform counts


@dataclass(frozen=True, slots=True)
class VerifiedEnclave:
    """An enclave whose evidence holds: checks (1) to (4b) are behind it."""

    attempt: EnclaveAttempt
    claims: VerifiedClaims
    app_digest: Digest
    runtime: Digest  #: identity of what runs this app
    report_data: bytes
    session: Digest


def own_nonce(request: ReleaseRequest, federation: VaultFederation) -> bytes:
    """Return the nonce at our place; raise InputRefused for a request that has none."""
    asked = request.authorization
    canonical(addresses=(asked.worker, asked.enclave), digests=(asked.task, request.app_digest))
    sizes = {len(nonce) for nonce in request.nonces}
    if len(request.nonces) != len(federation.vaults) or sizes != {NONCE_BYTES}:
        raise InputRefused(f"a request carries one {NONCE_BYTES}-byte nonce per vault, in ascending vault order.")
    if len(request.hpke_public) != HPKE_BYTES:
        raise InputRefused(f"an HPKE key has {HPKE_BYTES} bytes.")
    return request.nonces[federation.position]


def check_nonce(
    asked: Authorization, given: IssuedNonce | None, current: EnclaveAttempt | None, *, settled: bool, at: int
) -> EnclaveAttempt:
    """Check (1); ``given`` is what the store held under the nonce and no longer holds."""
    if given is None:
        raise ReleaseRefused("1", "the nonce is not ours or was used; ask for a new one.")
    if given.expires <= at:
        raise ReleaseRefused("1", "the nonce has expired; ask for a new one.")
    attempt = given.attempt
    if (attempt.task, attempt.worker, attempt.enclave) != (asked.task, asked.worker, asked.enclave):
        raise ReleaseRefused("1", "the nonce was given to another task, worker or enclave.")
    if attempt != current or settled:
        raise ReleaseRefused("1", "the task went on without this enclave since the nonce was given.")
    return attempt


def check_evidence(
    request: ReleaseRequest, attempt: EnclaveAttempt, *, federation: VaultFederation, trusted: TrustedRoots, at: int
) -> VerifiedEnclave:
    """Checks (2), (3), (4) and (4b)."""
    claims = _verified(request, trusted, at)  # (2) (3)
    if claims.eval_number < trusted.evaluation.get(claims.series, 0):  # (2)
        raise ReleaseRefused("2.5", "the collateral is older than what this vault has seen; fetch it anew.")
    data = binding.report_data(
        chain=federation.chain,
        hub=federation.hub,
        task=attempt.task,
        worker=attempt.worker,
        app_digest=request.app_digest,
        enclave=attempt.enclave,
        hpke_public=request.hpke_public,
        vault_set=federation.vault_set,
        nonces=request.nonces,
    )
    if claims.report_data != data:  # (4)
        raise ReleaseRefused("4", "the quote was made for something else: another task, key, app, nonce or federation.")
    if not claims.locks(request.app_digest):  # (4b)
        raise ReleaseRefused("4b", "the evidence does not lock this app; another could have asked in its name.")
    app = request.app_digest
    return VerifiedEnclave(attempt, claims, app, claims.runtime_of(app), data, binding.session(data))


def check_chain(
    attested: VerifiedEnclave, snapshot: ChainSnapshot, *, federation: VaultFederation, at: int, seconds_left: int
) -> None:
    """Checks (5), its half that the chain decides, and (6)."""
    if not snapshot.runtime_allowed:  # (5)
        raise ReleaseRefused("5", "the broker does not list this runtime.")
    check_agreement(snapshot, federation=federation)  # (6)
    if snapshot.task.status is not TaskStatus.ACTIVE:  # (6)
        raise ReleaseRefused("6", "the task is not active on the chain.")
    if snapshot.seconds_left(at) <= seconds_left:  # (6)
        raise ReleaseRefused("6", "too little time is left before the task's contribution deadline.")
    if snapshot.app_checksum != attested.app_digest:  # (6)
        raise ReleaseRefused("6", "the app in the evidence is not the deal's app.")


def check_agreement(snapshot: DealSnapshot, *, federation: VaultFederation) -> None:
    """Check what (6) says of a deal before it has a task: who judges, whose verdicts count, its tag and its trust."""
    judge = judge_of(teebroker=snapshot.broker, pool_owner=snapshot.deal.workerpool.owner, pinned=federation.broker)
    if judge is ProofJudge.POOL:  # (6)
        raise ReleaseRefused("6", "neither our broker nor our gate judges; nothing would hold a worker to its verdict.")
    if snapshot.vault_set != federation.vault_set:  # (6)
        raise ReleaseRefused("6", "the chain counts another federation's verdicts now; this one's would not be paid.")
    if not tags.is_tee(snapshot.deal.tag):  # (6)
        raise ReleaseRefused("6", "the deal does not ask for an enclave; set the TEE bit in its tag.")
    if snapshot.deal.trust != 1:  # (6)
        raise ReleaseRefused(
            "6", "the deal asks for replication, so PoCo would not finalise an enclave's result alone."
        )


def _verified(request: ReleaseRequest, trusted: TrustedRoots, at: int) -> VerifiedClaims:
    try:
        quote = Quote(raw=request.quote, collateral=Collateral(request.collateral))
        return verification.verify(quote, trusted.roots, at=at, allow_simulated=trusted.simulated)
    except CheckFailed as error:
        raise ReleaseRefused(error.check, error.message) from error
