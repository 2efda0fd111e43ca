"""Decides whether a refusal was already in force when the deal was matched; only then may an enclave settle it. Pure.

The release's own checks run again on the policies and counts of that time. They must have refused with the same number
from PREVIEW_SECONDS before the match until the match, so a preview would have warned the requester.
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

PREVIEW_SECONDS: Final = 300  #: how long before its match a deal must already have been refused
_OF_PARAMS: Final = frozenset({"7", "7.8", "7.13", "7.17"})  #: decided by the deal's params alone
#: the dataset's key is missing, does not open its file, or was never proved
_OF_KEY: Final = frozenset({"7.1", "7.22", "7.23"})


@dataclass(frozen=True, slots=True)
class StateAtMatch:
    """The vault's state in the span from PREVIEW_SECONDS before a deal's match until the match."""

    policies: Sequence[Policy]  #: in force at some time of the span
    had_share: bool  #: whether a share of the dataset's key was stored at some time of the span
    uses: DatasetUses  #: counted before the span, and the requester's own
    unopened: bool = False  #: whether the stored key was known before the span not to open its file
    unproved: bool = False  #: whether no key stored before the span was proved to open the file


def was_refused_at_match(
    refusal: DealRefused, snapshot: DealSnapshot, params: JobParams | None, keys: StoredKeys, state: StateAtMatch
) -> bool:
    """Return whether the requester could have known of a refusal before the match, and no other party caused it later.

    ``params`` is None if they are invalid. If the dataset's owner is the cause (no key or policy deposited, a key that
    does not open the file, or one never proved), only a deal with a free dataset is settled; otherwise PoCo would pay
    the owner for it.
    """
    deal, dataset = snapshot.deal, snapshot.dataset
    if refusal.check not in REQUESTER_REFUSALS:
        return False
    if params is None or refusal.check in _OF_PARAMS or dataset is None:
        return True  # without a dataset, all keys, grants and secrets are the requester's
    if deal.dataset.owner != dataset.owner:
        return False
    by_iexec = keys.dataset is not None and keys.dataset.kind == "iexec"
    if refusal.check in _OF_KEY:
        was_refused = {
            "7.1": not state.had_share,
            "7.22": state.unopened,
            "7.23": state.unproved and bool(state.policies) and all(each.proved is True for each in state.policies),
        }
        return was_refused[refusal.check] and deal.dataset.price == 0
    if keys.policy is None and not by_iexec:  # (7.2)
        return not state.policies and deal.dataset.price == 0
    since = deal.start_time - PREVIEW_SECONDS
    past_keys = [keys] if by_iexec else [replace(keys, policy=each, uses=state.uses) for each in state.policies]
    early = replace(snapshot, time=since)
    return bool(past_keys) and all(_failed_check(early, params, each, since) == refusal.check for each in past_keys)


def _failed_check(snapshot: DealSnapshot, params: JobParams, keys: StoredKeys, at: int) -> str:
    try:
        check_deal(snapshot.app_checksum, snapshot, params, keys, at=at)
    except DealRefused as error:
        return error.check
    except ReleaseRefused:
        return ""
    return ""
