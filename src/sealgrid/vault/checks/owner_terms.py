"""Checks of a dataset owner's policy against one deal and one enclave: the owner's part of (3), (5) and (7)."""

from dataclasses import dataclass

from sealgrid.attestation.evidence import VerifiedClaims
from sealgrid.attestation.policy import Allowance, Machines, Platform, Policy
from sealgrid.chain.views import DealView
from sealgrid.errors import DealRefused, ReleaseRefused
from sealgrid.units import ZERO_ADDRESS, Digest
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.release import VerifiedEnclave

_WITHOUT_STATUS = frozenset({Platform.SNP})  #: AMD publishes firmware versions without a TCB status


@dataclass(frozen=True, slots=True)
class DatasetUses:
    """Number of other tasks that used a dataset, as far as this vault knows."""

    hour: int = 0  #: by this requester in the last hour
    total: int = 0  #: by all requesters under the current owner


def check_terms(
    policy: Policy, attested: VerifiedEnclave, snapshot: ChainSnapshot, uses: DatasetUses, *, at: int
) -> Allowance:
    """Return the allowance that the owner's policy gives this enclave: ``check_deal_terms``, then ``check_enclave``."""
    check_deal_terms(policy, attested.app_digest, snapshot, uses, at=at)
    return check_enclave(policy, attested, snapshot.deal)


def check_deal_terms(policy: Policy, app_digest: Digest, snapshot: DealSnapshot, uses: DatasetUses, *, at: int) -> None:
    """Raise DealRefused for a deal that the current owner's policy refuses on every machine.

    (7.2) The policy has not expired.
    (7.10) It does not refuse this requester.
    (5) It allows this app on some runtime and platform; a policy that lists nothing allows nothing.
    (7.3) The deal has no callback, which would publish the result, unless an allowance for this app permits one.
    (7.4) The requester's uses in this hour are below the policy's limit.
    (7.9) All uses under this owner are below the policy's limit.
    """
    if policy.expiry <= max(at, snapshot.time):  # (7.2)
        raise DealRefused("7.2", "the owner's policy has expired.")
    if snapshot.deal.requester in policy.refused:  # (7.10)
        raise DealRefused("7.10", "the owner refuses this requester.")
    allowances = [each for each in policy.allowed if each.app == app_digest]
    if not allowances:  # (5)
        raise DealRefused("5", "the owner's policy does not allow this app on this runtime and platform.")
    if snapshot.deal.callback != ZERO_ADDRESS and not any(each.callback for each in allowances):  # (7.3)
        raise DealRefused("7.3", "the owner does not allow a callback to publish results.")
    if uses.hour >= policy.uses_per_requester_hour:  # (7.4)
        raise DealRefused("7.4", "the requester has used the dataset as often as its owner allows in an hour.")
    if uses.total >= policy.uses_total:  # (7.9)
        raise DealRefused("7.9", "the dataset was used as often as its owner allows.")


def check_enclave(policy: Policy, attested: VerifiedEnclave, deal: DealView) -> Allowance:
    """Return the allowance for this app on this machine; raise ReleaseRefused.

    (5) It names this app on this runtime and platform.
    (3.5) to (3.10) The policy trusts this machine.
    (7.3) The deal has no callback unless this allowance permits one.
    """
    allowance = policy.allowance_for(attested.app_digest, attested.runtime, attested.claims.platform)
    if allowance is None:  # (5)
        raise ReleaseRefused("5", "the owner's policy does not allow this app on this runtime and platform.")
    check_machine(policy.machines, attested.claims)  # (3.5) … (3.10)
    if deal.callback != ZERO_ADDRESS and not allowance.callback:  # (7.3)
        raise ReleaseRefused("7.3", "the owner does not allow a callback to publish results on this machine.")
    return allowance


def check_machine(machines: Machines, claims: VerifiedClaims) -> None:
    """Raise ReleaseRefused unless the owner trusts this machine.

    (3.5) It is in the list of allowed machines, if there is one, (3.6) and not in the list of denied ones.
    (3.7) Its silicon generation (FMSPC) is in the list of allowed ones, if there is one.
    (3.8) No forbidden advisory applies to it.
    (3.9) Its collateral has at least the owner's evaluation number.
    (3.10) Its TCB status is UpToDate, unless the owner accepts every status that the vault accepts.
    """
    if machines.allowed and not _is_listed(claims.machine, machines.allowed):  # (3.5)
        raise ReleaseRefused("3.5", "the machine is not one of those that the owner allows.")
    if _is_listed(claims.machine, machines.denied):  # (3.6)
        raise ReleaseRefused("3.6", "the owner denies this machine.")
    if machines.families and not _is_listed(claims.fmspc, machines.families):  # (3.7)
        raise ReleaseRefused("3.7", "the machine's silicon generation is not one that the owner allows.")
    if any(_is_listed(advisory, machines.forbidden_advisories) for advisory in claims.advisories):  # (3.8)
        raise ReleaseRefused("3.8", "an advisory applies to the machine that the owner forbids.")
    if claims.eval_number < machines.evaluation:  # (3.9)
        raise ReleaseRefused("3.9", "the collateral is older than the owner requires; fetch it again.")
    if machines.up_to_date and claims.platform not in _WITHOUT_STATUS and claims.tcb_status != "UpToDate":  # (3.10)
        raise ReleaseRefused("3.10", f"the machine's TCB is {claims.tcb_status}, and the owner requires UpToDate.")


def _is_listed(name: str, names: tuple[str, ...]) -> bool:
    return name.casefold() in {each.casefold() for each in names}
