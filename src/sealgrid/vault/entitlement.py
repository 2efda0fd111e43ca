"""Which secrets follow from a deal, on which terms: (7) of docs/protocol/release.md and the owner's half of (5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sealgrid.attestation.facts import JobParams, parse_params
from sealgrid.attestation.policy import Allowance, Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.views import DealView
from sealgrid.crypto import hpke
from sealgrid.errors import CheckFailed, InputRefused, ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.units import ZERO_ADDRESS, Digest, to_bytes
from sealgrid.vault.deposit import HeldShare
from sealgrid.vault.release import Attested
from sealgrid.vault.snapshot import ChainSnapshot

MOST_TASKS = (1 << 53) - 1  #: RFC 8785 writes no larger integer
OUTPUT_BYTES_WITHOUT_DATASET = 256 << 20  #: cap on the output where no dataset owner sets one


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """What the store holds for one deal, before anything is decided."""

    dataset: HeldShare | None  #: of the deal's dataset under its present owner
    policy: Policy | None  #: of that dataset by that owner
    uses: int  #: tasks of this requester on this dataset in the last hour, the present one not counted
    inputs: Mapping[Digest, tuple[HeldShare, Sequence[InputGrant]]]  #: of the deal's requester, by sealed file
    developer: HeldShare | None = None  #: of the deal's app under its present owner


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The shares that the enclave gets, and the terms that its facts will state."""

    params: JobParams
    shares: tuple[HeldShare, ...]  #: the dataset's, the inputs' in the order of params, the app developer's
    release: Literal["escrow", "direct"]
    output_bytes: int
    policy: int  #: version of the policy that allowed it; 0 without a dataset


def read_params(deal: DealView) -> JobParams:
    """Return a deal's parameters; raise ReleaseRefused (7) when they, or the result key in them, are bad.

    (7.8) They name no file by URL: nothing would say what an enclave that fetches it has to find there.
    """
    if deal.bot_first + deal.bot_size > MOST_TASKS:
        raise ReleaseRefused("7", "the deal has more tasks than facts can count.")
    try:
        params = parse_params(deal.params)
        hpke.check_public(to_bytes(params.sealgrid.result_key, 32))
    except (CheckFailed, InputRefused, ValueError) as error:
        raise ReleaseRefused("7", f"the deal's params cannot be used: {_reason(error)}") from error
    if len(set(params.sealgrid.inputs)) != len(params.sealgrid.inputs):
        raise ReleaseRefused("7", "the deal's params name one input twice.")
    if params.iexec_input_files:  # (7.8)
        raise ReleaseRefused("7.8", "iexec_input_files have no digests; put the files into the sealed input.")
    return params


def entitle(attested: Attested, snapshot: ChainSnapshot, params: JobParams, keys: HeldKeys, *, at: int) -> Entitlement:
    """Return what this enclave may have; raise ReleaseRefused.

    (7.1) The dataset key, iff the deal names a dataset: its share is here under the present owner for this file.
    (7.2) That owner's policy is here and has not expired.
    (5) The policy allows this app on this runtime and platform; a policy that lists nothing allows nothing.
    (7.3) A callback, which makes results public, only where that allowance says so.
    (7.4) The requester's uses in this hour are below what the policy grants.
    (7.5) An input's key, iff params name it: its share is here, deposited by the deal's requester,
    (7.6) with a grant for this app and for the very request order that this deal was matched from.
    (7.7) The developer's secret, iff the app's present owner deposited one: it is that app's, and a file of its own.
    """
    allowance = _dataset_terms(attested, snapshot, keys, at) if snapshot.has_dataset else None
    if snapshot.dataset is not None and snapshot.dataset.checksum in params.sealgrid.inputs:  # (7.5)
        raise ReleaseRefused("7.5", "the deal names the dataset's own file as an input.")
    inputs = tuple(_input(attested, snapshot.deal, keys, sha256) for sha256 in params.sealgrid.inputs)
    dataset = () if allowance is None or keys.dataset is None else (keys.dataset,)
    developer = () if keys.developer is None else (_developer(keys.developer, snapshot, dataset + inputs),)
    return Entitlement(
        params=params,
        shares=dataset + inputs + developer,
        release="direct" if allowance is not None and _wants_direct(keys.policy) else "escrow",
        output_bytes=OUTPUT_BYTES_WITHOUT_DATASET if allowance is None else allowance.output_bytes,
        policy=0 if keys.policy is None else keys.policy.version,
    )


def _wants_direct(policy: Policy | None) -> bool:
    return policy is not None and policy.release == 1


def _dataset_terms(attested: Attested, snapshot: ChainSnapshot, keys: HeldKeys, at: int) -> Allowance:
    held, policy, chain = keys.dataset, keys.policy, snapshot.dataset
    if held is None or chain is None or held.record.owner != chain.owner:  # (7.1)
        raise ReleaseRefused("7.1", "the dataset's present owner gave this vault no share of its key.")
    if held.record.asset != chain.address or held.record.file_sha256 != chain.checksum:  # (7.1)
        raise ReleaseRefused("7.1", "the key here is for another file than the dataset's checksum on the chain.")
    if policy is None or (policy.asset, policy.owner) != (chain.address, chain.owner):  # (7.2)
        raise ReleaseRefused("7.2", "the dataset's present owner signed no policy, so nobody may use it.")
    if policy.expiry <= max(at, snapshot.time):  # (7.2)
        raise ReleaseRefused("7.2", "the owner's policy has expired.")
    allowance = policy.allowance_for(attested.app_digest, attested.runtime, attested.claims.platform)
    if allowance is None:  # (5)
        raise ReleaseRefused("5", "the owner's policy does not allow this app on this runtime and platform.")
    if snapshot.deal.callback != ZERO_ADDRESS and not allowance.callback:  # (7.3)
        raise ReleaseRefused("7.3", "the owner does not allow results to be published by a callback.")
    if keys.uses >= policy.uses_per_requester_hour:  # (7.4)
        raise ReleaseRefused("7.4", "the requester has used the dataset as often as its owner allows in an hour.")
    return allowance


def _input(attested: Attested, deal: DealView, keys: HeldKeys, sha256: Digest) -> HeldShare:
    found = keys.inputs.get(sha256)
    if found is None or found[0].record.owner != deal.requester or found[0].record.file_sha256 != sha256:  # (7.5)
        raise ReleaseRefused("7.5", "the deal names an input whose key its requester did not give this vault.")
    held, grants = found
    if not any(_grants(grant, attested, deal) for grant in grants):  # (7.6)
        raise ReleaseRefused("7.6", "the requester did not grant this input to this app for this deal.")
    return held


def _developer(held: HeldShare, snapshot: ChainSnapshot, others: Sequence[HeldShare]) -> HeldShare:
    if (held.record.asset, held.record.owner) != (snapshot.deal.app.pointer, snapshot.app_owner):  # (7.7)
        raise ReleaseRefused("7.7", "the developer's secret here is another app's, or a former owner's.")
    # Keys are found by file: a second key for the same file would keep the first from opening it.
    if held.record.file_sha256 in {other.record.file_sha256 for other in others}:  # (7.7)
        raise ReleaseRefused("7.7", "the developer's secret claims the file of another secret of this deal.")
    return held


def _grants(grant: InputGrant, attested: Attested, deal: DealView) -> bool:
    # A deal's id says from which request order it was matched: keccak(request, volume consumed before).
    matched = deal_id(grant.request, deal.bot_first)
    return (grant.owner, grant.app, matched) == (deal.requester, attested.app_digest, deal.deal)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, CheckFailed | InputRefused) else "a field has the wrong size."
