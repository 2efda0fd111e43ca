"""Inputs of a verification besides the receipt, and its report."""

from dataclasses import dataclass

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused, ReceiptRefused
from sealgrid.units import Address, Digest


@dataclass(frozen=True, slots=True)
class TrustPins:
    """The verifier's own trust anchors, which no receipt can change."""

    chain: int
    hub: Address
    broker: Address
    vaults: tuple[Address, ...]  #: ascending
    t: int
    roots: tuple[TrustRoot, ...]
    runtimes: frozenset[Digest] | None = None  #: accepted runtimes; None accepts those that the vaults accepted
    allow_simulated: bool = False

    def __post_init__(self) -> None:
        if self.t < 1 or len(self.vaults) != 2 * self.t - 1 or list(self.vaults) != sorted(set(self.vaults)):
            raise InputRefused("pin 2t - 1 different vaults in ascending order, and a threshold t of at least 1.")

    @property
    def domain(self) -> Domain:
        """Return the EIP-712 domain of every statement here."""
        return Domain(chain=self.chain, broker=self.broker)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEvidence:
    """What the verifier read about the receipt's task from the chain and the storage."""

    broker: Address  #: the hub's teebroker
    pool_owner: Address  #: the pool's owner when the deal was made
    completed: bool  #: whether the task's status is COMPLETED
    result_digest: Digest
    proved: bool  #: whether the contribution of ``worker`` is PROVED
    worker: Address  #: the task's contributor
    enclave_challenge: Address  #: of that contribution
    app_checksum: Digest  #: of the deal's app
    dataset_checksum: Digest | None  #: of the deal's dataset, None without one
    pool: Address  #: the deal's workerpool
    sealed_sha256: Digest | None  #: of the sealed file as fetched; None when it was not found
    receipt_sha256: Digest | None  #: of the receipt's file as fetched; None when it was not found


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of a report."""

    number: int
    sentence: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """Every check in order. Checks after the first failure are not run and count as failed."""

    checks: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Return whether every check held."""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> CheckResult | None:
        """Return the first check that failed."""
        return next((check for check in self.checks if not check.ok), None)

    def require(self) -> None:
        """Raise ReceiptRefused with the number of the first check that failed, if any."""
        if (failed := self.failed) is not None:
            raise ReceiptRefused(str(failed.number), failed.detail, money="")
