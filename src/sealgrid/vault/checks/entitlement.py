"""Which secrets follow from a deal: (7) of docs/protocol/release.md; the owner's terms are in ``terms.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sealgrid.attestation.facts import JobParams, parse_params
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.views import DealView
from sealgrid.crypto import hpke
from sealgrid.crypto.iexec_challenge import requester_secret_address
from sealgrid.errors import CheckFailed, DealRefused, InputRefused, ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.units import ZERO_ADDRESS, Digest, to_bytes
from sealgrid.vault.chain.snapshot import ChainSnapshot, DatasetOnChain, DealSnapshot
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.iexec_terms import MatchedSale, check_iexec_params, check_result_key, check_sale
from sealgrid.vault.checks.owner_terms import DatasetUses, check_deal_terms, check_enclave
from sealgrid.vault.checks.release import VerifiedEnclave
from sealgrid.wire.iexec_sms import RegisteredResultKey

MOST_TASKS = (1 << 53) - 1  #: RFC 8785 writes no larger integer
OUTPUT_BYTES_WITHOUT_POLICY = 256 << 20  #: cap on the output where no dataset owner sets one
OUTPUT_BYTES_OF_REFUSAL = 4096  #: cap on a result that holds a number and a sentence


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """What the store holds for one deal, before anything is decided."""

    dataset: StoredShare | None  #: of the deal's dataset under its present owner
    policy: Policy | None  #: of that dataset by that owner
    uses: DatasetUses  #: of that dataset
    inputs: Mapping[Digest, tuple[StoredShare, Sequence[InputGrant]]]  #: of the deal's requester, by sealed file
    sale: MatchedSale | None = None  #: of a dataset whose key came by iExec's route
    rsa: RegisteredResultKey | None = None  #: what was shown as the beneficiary's key for results, unchecked
    developer: StoredShare | None = None  #: of the deal's app under its present owner
    secrets: Mapping[str, StoredShare] = field(default_factory=dict)  #: that the deal's requester pushed, by name
    unopened: bool = False  #: whether the dataset's very key did not open its file for an earlier task
    unproved_since: int | None = None  #: since when no key in force was opened, ``opened.py``; None: this very one was


NO_KEYS = StoredKeys(dataset=None, policy=None, uses=DatasetUses(), inputs={})


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The shares that the enclave gets, and the terms that its facts will state."""

    params: JobParams
    result_key: str  #: as facts state it
    shares: tuple[StoredShare, ...]  #: the dataset's, the inputs' and requester's as in params, the app developer's
    release: Literal["escrow", "direct"]
    output_bytes: int
    quorum: int  #: vaults that the owner wants to release; 0 for no more than the federation's t
    policy: int  #: version of the policy that allowed it; 0 without one
    refusal: str = ""  #: number of the check that refuses the deal, where the refusal is to be settled


def refused(check: str) -> Entitlement:
    """Return what an enclave gets that is to settle a refusal: no share, and no key that a result is sealed to."""
    return Entitlement(
        params=JobParams(),
        result_key=NO_RESULT_KEY,
        shares=(),
        release="direct",
        output_bytes=OUTPUT_BYTES_OF_REFUSAL,
        quorum=0,
        policy=0,
        refusal=check,
    )


def read_params(deal: DealView) -> JobParams:
    """Return a deal's parameters; raise DealRefused (7) when they, or the result key in them, are bad.

    (7.8) They name no file by URL: nothing would say what an enclave that fetches it has to find there.
    (7.13) Where they have nothing of ours, they ask for what an enclave does: a result on IPFS.
    """
    if deal.bot_first + deal.bot_size > MOST_TASKS:
        raise DealRefused("7", "the deal has more tasks than facts can count.")
    try:
        params = parse_params(deal.params)
        if params.sealgrid is not None:
            hpke.check_public(to_bytes(params.sealgrid.result_key, 32))
    except (CheckFailed, InputRefused, ValueError) as error:
        raise DealRefused("7", f"the deal's params cannot be used: {_reason(error)}") from error
    if len(set(params.inputs)) != len(params.inputs):
        raise DealRefused("7", "the deal's params name one input twice.")
    if params.has_deferred_callback and deal.callback != ZERO_ADDRESS:
        raise DealRefused("7", "the deal asks for a plain and a deferred callback; it can have one.")
    if params.iexec_input_files:  # (7.8)
        raise DealRefused("7.8", "iexec_input_files have no digests; put the files into the sealed input.")
    if params.sealgrid is None:
        check_iexec_params(params)  # (7.13)
    return params


@dataclass(frozen=True, slots=True)
class MachineDemand:
    """What a deal may have on a machine that its dataset's owner trusts."""

    shares: tuple[StoredShare, ...]
    policy: Policy | None  #: of the dataset's owner; None without one
    release: Literal["escrow", "direct"]
    result_key: str
    quorum: int  #: vaults that the owner wants to release; 0 for no more than the federation's t


def entitle(
    attested: VerifiedEnclave, snapshot: ChainSnapshot, params: JobParams, keys: StoredKeys, *, at: int
) -> Entitlement:
    """Return what this enclave may have; raise ReleaseRefused: first ``check_deal``, then what is about the machine.

    (3.5) to (3.10), (5) and (7.3): the owner's policy agrees with the enclave (``terms.check_enclave``).
    """
    demand = check_deal(attested.app_digest, snapshot, params, keys, at=at)
    policy = demand.policy
    allowance = None if policy is None else check_enclave(policy, attested, snapshot.deal)
    return Entitlement(
        params=params,
        result_key=demand.result_key,
        shares=demand.shares,
        release=demand.release,
        output_bytes=OUTPUT_BYTES_WITHOUT_POLICY if allowance is None else allowance.output_bytes,
        quorum=demand.quorum,
        policy=0 if policy is None else policy.version,
    )


def check_deal(
    app_digest: Digest, snapshot: DealSnapshot, params: JobParams, keys: StoredKeys, *, at: int
) -> MachineDemand:
    """Return what a deal may have whatever machine runs it; a preview asks nothing else. Raises ReleaseRefused,

    as DealRefused where the deal, the owner's policy or the counts are why.

    (7.1) The dataset key, iff the deal names a dataset: its share is here under the present owner for this file,
    (7.22) and no receipt proved to this vault that the file does not open with this very key.
    (7.23) Where that owner's policy is ``proved``: a receipt proved to this vault that the file opens with this very
    key, or the requester is that owner, or a key that was proved was in force when the deal was made.
    (5), (7.2) to (7.4), (7.9) and (7.10): that owner's policy is here and agrees (``terms.check_deal_terms``).
    (7.5) An input's key, iff params name it: its share is here, deposited by the deal's requester,
    (7.6) with a grant for this app and for the very request order that this deal was matched from.
    (7.16) Each secret that params name by iExec's route: the deal's requester pushed it, and it is a file of its own.
    (7.7) The developer's secret, iff the app's present owner deposited one: it is that app's, and a file of its own.
    (7.3), (7.11), (7.12), (7.20) A dataset whose key came by iExec's route has no policy: its matched order speaks
    (``iexec_terms.py``).
    (7.14) A dataset with a policy is not used for a result that is not sealed as ours are.
    (7.15) A result that is to be encrypted as iExec does it is so for the key that the beneficiary registered.
    """
    held = None if snapshot.dataset is None else _dataset_key(snapshot.dataset, snapshot.deal, keys)
    policy = None if held is None else _policy_of(held, snapshot, keys)
    if policy is not None:
        check_deal_terms(policy, app_digest, snapshot, keys.uses, at=at)
    if policy is not None and params.sealgrid is None:  # (7.14)
        raise DealRefused("7.14", "the owner's policy covers sealed results; name a result key in the params.")
    if snapshot.dataset is not None and snapshot.dataset.checksum in params.inputs:  # (7.5)
        raise DealRefused("7.5", "the deal names the dataset's own file as an input.")
    inputs = tuple(_input(app_digest, snapshot.deal, keys, sha256) for sha256 in params.inputs)
    dataset = () if held is None else (held,)
    pushed = _pushed(snapshot.deal, params, keys, dataset + inputs)
    others = dataset + inputs + pushed
    developer = () if keys.developer is None else (_developer(keys.developer, snapshot, others),)
    return MachineDemand(
        shares=others + developer,
        policy=policy,
        release="direct" if _is_direct(params, held, policy) else "escrow",
        result_key=check_result_key(keys.rsa, snapshot.deal) if params.is_for_rsa else params.result_key,  # (7.15)
        quorum=0 if policy is None or held is None else policy.quorum_among(len(held.record.vaults)),
    )


def _is_direct(params: JobParams, dataset: StoredShare | None, policy: Policy | None) -> bool:
    by_iexec = dataset is not None and dataset.kind == "iexec"
    if params.sealgrid is None or params.bulk_cid is not None or by_iexec:
        return True  # as iExec has it: nothing is held back until payment
    return policy is not None and policy.release == 1


def _dataset_key(chain: DatasetOnChain, deal: DealView, keys: StoredKeys) -> StoredShare:
    held = keys.dataset
    if held is None or held.record.owner != chain.owner:  # (7.1)
        raise DealRefused("7.1", "the dataset's present owner gave this vault no share of its key.")
    if held.record.asset != chain.address or held.record.file_sha256 != chain.checksum:  # (7.1)
        raise DealRefused("7.1", "the key here is for another file than the dataset's checksum on the chain.")
    if keys.unopened:  # (7.22)
        raise DealRefused(
            "7.22",
            "the dataset's file did not open with the key that its owner deposited; its owner must deposit another.",
        )
    if _waits_for_proof(chain, deal, keys):  # (7.23)
        raise DealRefused(
            "7.23", "no enclave has opened the dataset's file with this key yet; its owner must run it once."
        )
    return held


def _waits_for_proof(chain: DatasetOnChain, deal: DealView, keys: StoredKeys) -> bool:
    if keys.policy is None or keys.policy.proved is not True or deal.requester == chain.owner:
        return False
    # A deal that was made while an opened key was in force was bought under that one; to refuse it would fine its pool.
    return keys.unproved_since is not None and deal.start_time >= keys.unproved_since


def _policy_of(held: StoredShare, snapshot: DealSnapshot, keys: StoredKeys) -> Policy | None:
    if held.kind == "iexec":
        check_sale(keys.sale, snapshot.deal, held.record.owner)  # (7.3) (7.11) (7.12) (7.20)
        return None
    policy = keys.policy
    if policy is None or (policy.asset, policy.owner) != (held.record.asset, held.record.owner):  # (7.2)
        raise DealRefused("7.2", "the dataset's present owner signed no policy, so nobody may use it.")
    return policy


def _input(app_digest: Digest, deal: DealView, keys: StoredKeys, sha256: Digest) -> StoredShare:
    found = keys.inputs.get(sha256)
    if found is None or found[0].record.owner != deal.requester or found[0].record.file_sha256 != sha256:  # (7.5)
        raise DealRefused("7.5", "the deal names an input whose key its requester did not give this vault.")
    held, grants = found
    if not any(_grants(grant, app_digest, deal) for grant in grants):  # (7.6)
        raise DealRefused("7.6", "the requester did not grant this input to this app for this deal.")
    return held


def _pushed(
    deal: DealView, params: JobParams, keys: StoredKeys, others: Sequence[StoredShare]
) -> tuple[StoredShare, ...]:
    found: list[StoredShare] = []
    for name in params.secret_names:
        held = keys.secrets.get(name)
        wanted = ("iexec-requester", requester_secret_address(deal.requester, name), deal.requester)
        if held is None or (held.kind, held.record.asset, held.record.owner) != wanted:  # (7.16)
            raise DealRefused("7.16", f"the deal's requester pushed no secret {name!r}; push it before the deal.")
        if held.record.file_sha256 in {other.record.file_sha256 for other in (*others, *found)}:  # (7.16)
            raise ReleaseRefused("7.16", f"the secret {name!r} claims the file of another secret of this deal.")
        found.append(held)
    return tuple(found)


def _developer(held: StoredShare, snapshot: DealSnapshot, others: Sequence[StoredShare]) -> StoredShare:
    if (held.record.asset, held.record.owner) != (snapshot.deal.app.pointer, snapshot.app_owner):  # (7.7)
        raise ReleaseRefused("7.7", "the developer's secret here is another app's, or a former owner's.")
    # Keys are found by file: a second key for the same file would keep the first from opening it.
    if held.record.file_sha256 in {other.record.file_sha256 for other in others}:  # (7.7)
        raise ReleaseRefused("7.7", "the developer's secret claims the file of another secret of this deal.")
    return held


def _grants(grant: InputGrant, app_digest: Digest, deal: DealView) -> bool:
    # A deal's id says from which request order it was matched: keccak(request, volume consumed before).
    matched = deal_id(grant.request, deal.bot_first)
    return (grant.owner, grant.app, matched) == (deal.requester, app_digest, deal.deal)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, CheckFailed | InputRefused) else "a field has the wrong size."
