"""Check (7) of docs/protocol/release.md: which secrets a deal entitles its enclave to. Pure.

``owner_terms.py`` checks the dataset owner's policy, ``iexec_terms.py`` the orders of keys pushed through iExec's API.
"""

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

MAX_TASKS = (1 << 53) - 1  #: largest integer of RFC 8785
OUTPUT_BYTES_WITHOUT_POLICY = 256 << 20  #: cap on the output without a dataset owner's policy
OUTPUT_BYTES_OF_REFUSAL = 4096  #: cap on the result of a settled refusal: a check number and a sentence


@dataclass(frozen=True, slots=True)
class TaskInput:
    """The sealed input of one task."""

    file_sha256: Digest
    path: tuple[Digest, ...]  #: to the root of the inputs of all tasks, which the params name


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The stored keys and terms of one deal: input of the checks."""

    dataset: StoredShare | None  #: of the deal's dataset under its current owner
    policy: Policy | None  #: of that dataset by that owner
    uses: DatasetUses  #: of that dataset
    inputs: Mapping[
        Digest, tuple[StoredShare, Sequence[InputGrant]]
    ]  #: of the deal's requester, by digest of the sealed file
    task_input: TaskInput | None = None  #: where the params name inputs of single tasks: the one of this task
    sale: MatchedSale | None = None  #: of a dataset whose key was pushed through iExec's API
    rsa: RegisteredResultKey | None = None  #: the beneficiary's RSA key for results, as sent and not verified
    developer: StoredShare | None = None  #: of the deal's app under its current owner
    secrets: Mapping[str, StoredShare] = field(default_factory=dict)  #: pushed by the deal's requester, by name
    unopened: bool = False  #: whether this version of the dataset's key failed to open its file for an earlier task
    unproved_since: int | None = None  #: ``OpenedKeys.unproved_since``; None if this version was proved


NO_KEYS = StoredKeys(dataset=None, policy=None, uses=DatasetUses(), inputs={})


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The shares that the enclave gets, and the terms that its facts state."""

    result_key: str  #: as the facts state it
    shares: tuple[
        StoredShare, ...
    ]  #: of the dataset, the inputs and requester's secrets in the order of the params, the app developer's secret
    release: Literal["escrow", "direct"]
    output_bytes: int
    quorum: int  #: vaults that the owner's policy requires to release; 0 for the federation's t
    policy: int  #: version of the policy that allowed it; 0 without one
    inputs: tuple[Digest, ...] = ()  #: sealed inputs, in the order of the params; last the task's own
    input_path: tuple[Digest, ...] | None = None  #: of the task's own input; None without one
    refusal: str = ""  #: number of the check that refuses the deal, for a refusal that the enclave settles


def refusal_entitlement(check: str) -> Entitlement:
    """Return the entitlement of an enclave that settles a refusal: no share and no result key."""
    return Entitlement(
        result_key=NO_RESULT_KEY,
        shares=(),
        release="direct",
        output_bytes=OUTPUT_BYTES_OF_REFUSAL,
        quorum=0,
        policy=0,
        refusal=check,
    )


def check_params(deal: DealView) -> JobParams:
    """Return a deal's parameters; raise DealRefused (7) if they, or their result key, are invalid.

    (7.8) Each file that they name by URL has a digest to verify the content against.
    (7.13) Without a ``sealgrid`` object they request what an enclave supports: a result on IPFS.
    """
    if deal.bot_first + deal.bot_size > MAX_TASKS:
        raise DealRefused("7", "the deal has more tasks than facts can state.")
    try:
        params = parse_params(deal.params)
        if params.sealgrid is not None:
            hpke.check_public(to_bytes(params.sealgrid.result_key, 32))
    except (CheckFailed, InputRefused) as error:
        raise DealRefused("7", f"the deal's params cannot be used: {error.message}") from error
    except ValueError as error:
        raise DealRefused("7", "the deal's params cannot be used: a field has the wrong size.") from error
    if len(set(params.inputs)) != len(params.inputs):
        raise DealRefused("7", "the deal's params name one input twice.")
    if params.has_deferred_callback and deal.callback != ZERO_ADDRESS:
        raise DealRefused("7", "the deal has a plain and a deferred callback; leave one of them out.")
    try:
        _ = params.input_files  # (7.8)
    except InputRefused as error:
        raise DealRefused("7.8", error.message) from error
    if params.sealgrid is None:
        check_iexec_params(params)  # (7.13)
    return params


@dataclass(frozen=True, slots=True)
class MachineDemand:
    """The entitlement of a deal on any machine that meets ``policy``."""

    shares: tuple[StoredShare, ...]
    policy: Policy | None  #: of the dataset's owner; None if there is none
    release: Literal["escrow", "direct"]
    result_key: str
    quorum: int  #: vaults that the owner's policy requires to release; 0 for the federation's t


def entitle(
    attested: VerifiedEnclave, snapshot: ChainSnapshot, params: JobParams, keys: StoredKeys, *, at: int
) -> Entitlement:
    """Return the enclave's entitlement; raise ReleaseRefused. Runs ``check_deal``, then the checks of the machine.

    (3.5) to (3.10), (5) and (7.3): the owner's policy allows the enclave (``owner_terms.check_enclave``).
    """
    demand = check_deal(attested.app_digest, snapshot, params, keys, at=at)
    policy = demand.policy
    allowance = None if policy is None else check_enclave(policy, attested, snapshot.deal)
    return Entitlement(
        result_key=demand.result_key,
        shares=demand.shares,
        release=demand.release,
        output_bytes=OUTPUT_BYTES_WITHOUT_POLICY if allowance is None else allowance.output_bytes,
        quorum=demand.quorum,
        policy=0 if policy is None else policy.version,
        inputs=(*params.inputs, *_own_input(keys)),
        input_path=None if keys.task_input is None else keys.task_input.path,
    )


def check_deal(
    app_digest: Digest, snapshot: DealSnapshot, params: JobParams, keys: StoredKeys, *, at: int
) -> MachineDemand:
    """Return the entitlement of a deal on any machine; a preview runs exactly these checks.

    Raises ReleaseRefused; its subclass DealRefused if the deal, the owner's policy or the use counts are the reason.

    (7.1) The dataset key, iff the deal names a dataset: the current owner deposited its share for this file,
    (7.22) and no receipt proved to this vault that the file does not open with this version of the key.
    (7.23) If that owner's policy is ``proved``: a receipt proved to this vault that the file opens with this version,
    or the requester is that owner, or a proved version was in force when the deal was made.
    (5), (7.2) to (7.4), (7.9) and (7.10): that owner's policy is stored and allows the deal
    (``owner_terms.check_deal_terms``).
    (7.5) An input's key, iff the params name it, or the root of the inputs of single tasks and it is this task's: the
    deal's requester deposited its share,
    (7.6) with a grant for this app and for the request order that this deal was matched from.
    (7.16) Each pushed secret that the params name: the deal's requester pushed it, and no other secret has its file.
    (7.7) The developer's secret, iff the app's current owner deposited one: it is that app's, and its file is no
    other secret's.
    (7.3), (7.11), (7.12), (7.20) A dataset whose key was pushed through iExec's API has no policy; its matched order
    decides (``iexec_terms.py``).
    (7.14) A dataset with a policy is used only for a sealed result.
    (7.15) A result encrypted in iExec's format is encrypted for the RSA key that the beneficiary registered.
    """
    share = None if snapshot.dataset is None else _check_dataset_key(snapshot.dataset, snapshot.deal, keys)
    policy: Policy | None = None
    by_iexec = share is not None and share.kind == "iexec"
    if share is not None and by_iexec:
        check_sale(keys.sale, snapshot.deal, share.record.owner)  # (7.3) (7.11) (7.12) (7.20)
    elif share is not None:
        policy = keys.policy
        if policy is None or (policy.asset, policy.owner) != (share.record.asset, share.record.owner):  # (7.2)
            raise DealRefused("7.2", "the dataset's current owner signed no policy, so it cannot be used.")
        check_deal_terms(policy, app_digest, snapshot, keys.uses, at=at)  # (5) (7.2) (7.3) (7.4) (7.9) (7.10)
        if params.sealgrid is None:  # (7.14)
            raise DealRefused("7.14", "the owner's policy covers sealed results; name a result key in the params.")
    if params.task_inputs is not None and keys.task_input is None:  # (7.5)
        raise DealRefused("7.5", "the requester deposited no input of this task at this vault.")
    files = (*params.inputs, *_own_input(keys))
    if len(set(files)) != len(files):  # (7.5)
        raise DealRefused("7.5", "the task's own input is one that all tasks share.")
    if snapshot.dataset is not None and snapshot.dataset.checksum in files:  # (7.5)
        raise DealRefused("7.5", "the deal names the dataset's own file as an input.")
    inputs = tuple(_check_input(app_digest, snapshot.deal, keys, sha256) for sha256 in files)
    dataset = () if share is None else (share,)
    pushed = _check_secrets(snapshot.deal, params, keys, dataset + inputs)
    others = dataset + inputs + pushed
    developer = () if keys.developer is None else (_check_developer_secret(keys.developer, snapshot, others),)
    # As in iExec, the result of a deal without a result key, with a bulk or with a pushed key opens before payment.
    as_iexec = params.sealgrid is None or params.bulk_cid is not None or by_iexec
    return MachineDemand(
        shares=others + developer,
        policy=policy,
        release="direct" if as_iexec or (policy is not None and policy.release == 1) else "escrow",
        result_key=check_result_key(keys.rsa, snapshot.deal) if params.is_for_rsa else params.result_key,  # (7.15)
        quorum=0 if policy is None or share is None else policy.quorum_among(len(share.record.vaults)),
    )


def _check_dataset_key(chain: DatasetOnChain, deal: DealView, keys: StoredKeys) -> StoredShare:
    share = keys.dataset
    if share is None or share.record.owner != chain.owner:  # (7.1)
        raise DealRefused("7.1", "the dataset's current owner deposited no share of its key at this vault.")
    if share.record.asset != chain.address or share.record.file_sha256 != chain.checksum:  # (7.1)
        raise DealRefused("7.1", "the deposited key is for another file than the dataset's checksum on the chain.")
    if keys.unopened:  # (7.22)
        raise DealRefused(
            "7.22",
            "the dataset's file did not open with the key that its owner deposited; its owner must deposit another.",
        )
    needs_proof = keys.policy is not None and keys.policy.proved is True and deal.requester != chain.owner
    # A deal that was made while a proved key was in force was bought under that key; a refusal would fine its pool.
    if needs_proof and keys.unproved_since is not None and deal.start_time >= keys.unproved_since:  # (7.23)
        raise DealRefused(
            "7.23", "no enclave has opened the dataset's file with this key yet; its owner must run it once."
        )
    return share


def _own_input(keys: StoredKeys) -> tuple[Digest, ...]:
    return () if keys.task_input is None else (keys.task_input.file_sha256,)


def _check_input(app_digest: Digest, deal: DealView, keys: StoredKeys, sha256: Digest) -> StoredShare:
    share, grants = keys.inputs.get(sha256, (None, ()))
    if share is None or share.record.owner != deal.requester or share.record.file_sha256 != sha256:  # (7.5)
        raise DealRefused("7.5", "the deal names an input whose key its requester did not deposit at this vault.")
    # A deal's id commits to the request order it was matched from: keccak(request, volume consumed before).
    granted = {(grant.owner, grant.app, deal_id(grant.request, deal.bot_first)) for grant in grants}
    if (deal.requester, app_digest, deal.deal) not in granted:  # (7.6)
        raise DealRefused("7.6", "the requester did not grant this input to this app for this deal.")
    return share


def _check_secrets(
    deal: DealView, params: JobParams, keys: StoredKeys, others: Sequence[StoredShare]
) -> tuple[StoredShare, ...]:
    shares: list[StoredShare] = []
    for name in params.secret_names:
        share = keys.secrets.get(name)
        expected = ("iexec-requester", requester_secret_address(deal.requester, name), deal.requester)
        if share is None or (share.kind, share.record.asset, share.record.owner) != expected:  # (7.16)
            raise DealRefused("7.16", f"the deal's requester pushed no secret {name!r}; push it before the deal.")
        if share.record.file_sha256 in {other.record.file_sha256 for other in (*others, *shares)}:  # (7.16)
            raise ReleaseRefused("7.16", f"the secret {name!r} names the file of another secret of this deal.")
        shares.append(share)
    return tuple(shares)


def _check_developer_secret(share: StoredShare, snapshot: DealSnapshot, others: Sequence[StoredShare]) -> StoredShare:
    if (share.record.asset, share.record.owner) != (snapshot.deal.app.pointer, snapshot.app_owner):  # (7.7)
        raise ReleaseRefused("7.7", "the stored developer's secret is another app's, or a former owner's.")
    # The enclave looks up keys by file, so a second key for the same file would hide the first.
    if share.record.file_sha256 in {other.record.file_sha256 for other in others}:  # (7.7)
        raise ReleaseRefused("7.7", "the developer's secret names the file of another secret of this deal.")
    return share
