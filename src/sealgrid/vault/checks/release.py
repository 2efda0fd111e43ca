"""Checks before a vault releases key shares to an attested enclave (docs/protocol/release.md). Pure.

(1) The nonce is this vault's, unexpired, consumed first, and was issued for this task, worker and enclave.
(2) The quote's certificate chain ends at a configured root: strict TCB policy, an evaluation number that never falls,
    validity by the vault's clock.
(3) Debug is off and the platform's TCB is in order.
(4) The report data equals the value recomputed with this federation; (4b) the locked field equals the app's digest.
    SGX has no such field; its runtime identity names the app too.
(5) The runtime is allowed, on the chain and by the owner.
(6) The chain, read by the vault at one confirmed block, agrees: hub's broker, task, deadline, tag, trust, app.
(7) Each secret follows from the deal (``entitlement.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sealgrid.attestation import binding
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot, VerifiedClaims
from sealgrid.attestation.recent_quotes import RecentQuotes
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import CheckFailed, InputRefused, ReleaseRefused
from sealgrid.poco import tags
from sealgrid.poco.proof_judge import ProofJudge, judge_of
from sealgrid.units import Digest
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.nonce import NONCE_BYTES, EnclaveAttempt
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import Authorization, ReleaseRequest

HPKE_BYTES = 32


@dataclass(frozen=True, slots=True)
class IssuedNonce:
    """A nonce as it was issued. The task store deletes it before the checks begin."""

    attempt: EnclaveAttempt
    expires: int


@dataclass(frozen=True, slots=True)
class TrustedRoots:
    """The attestation roots that a vault trusts, and how fresh their collateral must be."""

    roots: tuple[TrustRoot, ...]
    evaluations: Mapping[Digest, int]  #: highest evaluation number seen of each series; never falls
    simulated: bool  #: whether the simulated platform is accepted
    quotes: RecentQuotes = field(default_factory=RecentQuotes)


@dataclass(frozen=True, slots=True)
class VerifiedEnclave:
    """An enclave whose evidence passed checks (1) to (4b)."""

    attempt: EnclaveAttempt
    claims: VerifiedClaims
    app_digest: Digest
    runtime: Digest  #: identity of what runs this app
    report_data: bytes
    session: Digest


def own_nonce(request: ReleaseRequest, federation: VaultFederation) -> bytes:
    """Return this vault's nonce; raise InputRefused for a malformed request."""
    authorization = request.authorization
    check_canonical(
        addresses=(authorization.worker, authorization.enclave), digests=(authorization.task, request.app_digest)
    )
    sizes = {len(nonce) for nonce in request.nonces}
    if len(request.nonces) != len(federation.vaults) or sizes != {NONCE_BYTES}:
        raise InputRefused(f"a request carries one {NONCE_BYTES}-byte nonce per vault, in ascending vault order.")
    if len(request.hpke_public) != HPKE_BYTES:
        raise InputRefused(f"an HPKE key has {HPKE_BYTES} bytes.")
    return request.nonces[federation.position]


def check_nonce(
    authorization: Authorization,
    issued: IssuedNonce | None,
    current: EnclaveAttempt | None,
    *,
    settled: bool,
    at: int,
) -> EnclaveAttempt:
    """Run check (1) on the nonce that was consumed from the task store, None if it had none."""
    if issued is None:
        raise ReleaseRefused("1", "the nonce is not from this vault or was used; request a new one.")
    if issued.expires <= at:
        raise ReleaseRefused("1", "the nonce has expired; request a new one.")
    attempt = issued.attempt
    named = (authorization.task, authorization.worker, authorization.enclave)
    if (attempt.task, attempt.worker, attempt.enclave) != named:
        raise ReleaseRefused("1", "the nonce was issued for another task, worker or enclave.")
    if attempt != current or settled:
        raise ReleaseRefused("1", "the task was settled or reassigned after the nonce was issued.")
    return attempt


def check_evidence(
    request: ReleaseRequest, attempt: EnclaveAttempt, *, federation: VaultFederation, trusted: TrustedRoots, at: int
) -> VerifiedEnclave:
    """Run checks (2), (3), (4) and (4b)."""
    try:
        quote = Quote(raw=request.quote, collateral=Collateral(request.collateral))
        claims = trusted.quotes.verify(quote, trusted.roots, at=at, allow_simulated=trusted.simulated)  # (2) (3)
    except CheckFailed as error:
        raise ReleaseRefused(error.check, error.message) from error
    if claims.eval_number < trusted.evaluations.get(claims.series, 0):  # (2)
        raise ReleaseRefused("2.5", "the collateral is older than this vault has seen before; fetch it again.")
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
        raise ReleaseRefused("4b", "the evidence does not lock this app; another app could have made it.")
    app = request.app_digest
    return VerifiedEnclave(attempt, claims, app, claims.runtime_of(app), data, binding.session(data))


def check_chain(
    attested: VerifiedEnclave, snapshot: ChainSnapshot, *, federation: VaultFederation, at: int, seconds_left: int
) -> None:
    """Run the part of check (5) that the chain decides, and check (6)."""
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
    """Run the part of check (6) that needs no task: judge, federation, tag and trust of the deal."""
    judge = judge_of(teebroker=snapshot.broker, pool_owner=snapshot.deal.workerpool.owner, pinned=federation.broker)
    if judge is ProofJudge.POOL:  # (6)
        raise ReleaseRefused(
            "6", "neither the broker nor its gate judges this deal, so no verdict would bind its worker."
        )
    if snapshot.vault_set != federation.vault_set:  # (6)
        raise ReleaseRefused(
            "6", "the broker now counts the verdicts of another federation, so this one's would not pay."
        )
    if not tags.is_tee(snapshot.deal.tag):  # (6)
        raise ReleaseRefused("6", "the deal does not require an enclave; set the TEE bit in its tag.")
    if snapshot.deal.trust != 1:  # (6)
        raise ReleaseRefused("6", "the deal requires replication, so PoCo would not finalise one enclave's result.")
