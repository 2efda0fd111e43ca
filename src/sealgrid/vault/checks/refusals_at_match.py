"""Whether a refusal stood already when the deal was matched: then it is the requester's doing, and may be settled.

The release's own check is asked again, about the policies and counts of that time. It must have refused by the same
number from PREVIEW_SECONDS before the match until the match, so that whoever asked for a preview was told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sealgrid.attestation.job_params import JobParams
from sealgrid.attestation.policy import Policy
from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.errors import DealRefused, ReleaseRefused
from sealgrid.vault.chain.snapshot import DealSnapshot
from sealgrid.vault.checks.entitlement import StoredKeys, check_deal
from sealgrid.vault.checks.owner_terms import DatasetUses

PREVIEW_SECONDS: Final = 300  #: how long before its match a deal must have been refused already
_OF_PARAMS: Final = frozenset({"7", "7.8", "7.13", "7.17"})  #: nothing but the deal's own params decides them
_OF_KEY: Final = frozenset(
    {"7.1", "7.22", "7.23"}
)  #: the dataset's key is missing, does not open its file, or never did


@dataclass(frozen=True, slots=True)
class StateAtMatch:
    """What a vault knows of the time from PREVIEW_SECONDS before a deal's match until the match."""

    policies: Sequence[Policy]  #: each that was in force at some moment of it
    had_share: bool  #: whether a share of the dataset's key was here at some moment of it
    uses: DatasetUses  #: that stood before, and the requester's own
    unopened: bool = False  #: whether the key that is here was known not to open its file since before that time
    unproved: bool = False  #: whether no key that was here since before that time opened the file


def stood_at_match(
    refusal: DealRefused, snapshot: DealSnapshot, params: JobParams | None, keys: StoredKeys, then: StateAtMatch
) -> bool:
    """Return whether the requester could have known of a refusal, and nobody else brought it about later.

    ``params`` is None where they cannot be read. Where a seller sold what it gave the vaults no key or policy of, a
    key that opens nothing or one that it never proved, only a deal that pays it nothing is settled: PoCo would pay it
    for that.
    """
    deal, dataset = snapshot.deal, snapshot.dataset
    if refusal.check not in REQUESTER_REFUSALS:
        return False
    if params is None or refusal.check in _OF_PARAMS or dataset is None:
        return True  # without a dataset, nobody but the requester gives keys, grants and secrets
    if deal.dataset.owner != dataset.owner:
        return False
    by_iexec = keys.dataset is not None and keys.dataset.kind == "iexec"
    if refusal.check in _OF_KEY:
        return _key_stood(refusal.check, then) and deal.dataset.price == 0
    if keys.policy is None and not by_iexec:  # (7.2)
        return not then.policies and deal.dataset.price == 0
    since = deal.start_time - PREVIEW_SECONDS
    standing = [keys] if by_iexec else [replace(keys, policy=each, uses=then.uses) for each in then.policies]
    early = replace(snapshot, time=since)
    return bool(standing) and all(_refused(early, params, each, since) == refusal.check for each in standing)


def _key_stood(check: str, then: StateAtMatch) -> bool:
    if check == "7.22":
        return then.unopened
    if check == "7.23":
        return then.unproved and bool(then.policies) and all(each.proved is True for each in then.policies)
    return not then.had_share


def _refused(snapshot: DealSnapshot, params: JobParams, keys: StoredKeys, at: int) -> str:
    try:
        check_deal(snapshot.app_checksum, snapshot, params, keys, at=at)
    except DealRefused as error:
        return error.check
    except ReleaseRefused:
        return ""
    return ""
