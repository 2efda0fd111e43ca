"""Checks before a vault stores a key share, sets a policy or destroys a share. Pure.

Their numbers are deposit.1-7, policy.1-5 and withdraw.1-2.
"""

from dataclasses import dataclass, field
from typing import Literal

from sealgrid.attestation.policy import Policy, find_invalid_machine_id
from sealgrid.attestation.statements import InputGrant, Withdrawal
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share, commit, validate_record
from sealgrid.crypto.signing import Domain
from sealgrid.errors import CheckFailed, ContainerRefused, InputRefused, SharesRefused
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.vault.chain.snapshot import AppOnChain, DatasetOnChain
from sealgrid.vault.checks.signatures import check_canonical, checked_digest
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import DepositRequest

Kind = Literal["dataset", "input", "developer", "iexec", "iexec-developer", "iexec-requester"]


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A stored share. Its repr shows nothing of its value."""

    kind: Kind
    record: KeyRecord
    record_digest: Digest
    signature: bytes  #: by the owner, over the record; of the iexec kinds over iExec's challenge with the value's hash
    share: Share = field(repr=False)
    value_hash: Digest | None = (
        None  #: of kind "iexec" only: keccak256 of the value that was split, as the owner signed it
    )

    @property
    def public_signature(self) -> bytes:
        """Return the signature that anyone may read; empty for pushed text, because it would confirm a guess."""
        return b"" if self.kind in {"iexec-developer", "iexec-requester"} else self.signature


def check_deposit(
    request: DepositRequest,
    *,
    federation: VaultFederation,
    asset: DatasetOnChain | AppOnChain | None,
    stored: StoredShare | None,
    last_version: int,
    deposit_key: HpkeKey,
) -> StoredShare:
    """Return the share to store; raise SharesRefused with number "deposit.n".

    (1) The record is well formed and its key was split for exactly this federation on its hub.
    (2) Its owner signed it.
    (3) The share's index is this vault's.
    (4) A dataset belongs to that owner now and has this checksum on the chain; an app, whose developer's secret this
        is, belongs to that owner now and comes without a policy; a requester's input has the start of its file's digest
        as asset and a grant, signed by the same owner, for this file; if it is the input of one task, a proof shows so.
    (5) The version is above every version of this key ever stored, or the record equals the stored one.
    (6) The share opens with the vault's deposit key under this record.
    (7) It fits its commitment in the record.

    ``asset`` is the chain's view of ``record.asset``, None if it is neither dataset nor app; ``stored`` is the stored
    share of this asset and owner; ``last_version`` the highest version ever stored, including destroyed ones.
    """
    record = request.record
    digest = check_record(record, request.signature, request.index, federation, "deposit")  # (1) (2) (3)
    kind = _check_purpose(request, asset, federation.domain)  # (4)
    if (stored is None or stored.record_digest != digest) and last_version >= record.version:  # (5)
        raise SharesRefused("deposit.5", f"version {last_version} of this key was already deposited; use a higher one.")
    share = open_committed_share(
        request.sealed, request.index, record, digest, deposit_key, numbers=("deposit.6", "deposit.7")
    )
    return StoredShare(kind, record, digest, request.signature, share)


def input_asset(file_sha256: Digest) -> Address:
    """Return the asset address of a sealed input's key: the first 20 bytes of its file's digest."""
    return Address(file_sha256[:42])


def check_record(record: KeyRecord, signature: bytes, index: int, federation: VaultFederation, proof: str) -> Digest:
    """Run checks (1), (2) and (3), which need no chain; return the record's digest."""
    digest = check_form(record, federation, proof)  # (1)
    if not record.is_signed_by(record.owner, federation.domain, signature):  # (2)
        raise SharesRefused(f"{proof}.2", "the record is not signed by the owner that it names.")
    check_index(index, federation, proof)  # (3)
    return digest


def check_form(record: KeyRecord, federation: VaultFederation, proof: str) -> Digest:
    """Return the digest of a well-formed record for this federation; raise SharesRefused with "``proof``.1"."""
    digest = checked_digest(record, federation.domain)
    check_canonical(addresses=(record.hub, record.asset, record.owner, *record.vaults), digests=(record.file_sha256,))
    try:
        validate_record(record)
    except (CheckFailed, InputRefused) as error:
        raise SharesRefused(f"{proof}.1", error.message) from error
    if not federation.matches(record):
        raise SharesRefused(f"{proof}.1", "the record is for another hub or another federation of vaults.")
    return digest


def check_index(index: int, federation: VaultFederation, proof: str) -> None:
    """Raise SharesRefused with "``proof``.3" unless the share's index is this vault's."""
    if index != federation.position + 1:
        raise SharesRefused(
            f"{proof}.3", f"share {index} belongs to another vault; this one has {federation.position + 1}."
        )


def check_dataset(record: KeyRecord, dataset: DatasetOnChain, proof: str) -> None:
    """Raise SharesRefused with "``proof``.4" unless the record is by the dataset's owner and about its file."""
    if dataset.owner != record.owner:
        raise SharesRefused(f"{proof}.4", "the record's owner does not own the dataset now.")
    if dataset.checksum != record.file_sha256:
        raise SharesRefused(f"{proof}.4", "the dataset's checksum on the chain is not the digest of the record's file.")


def open_committed_share(
    sealed: bytes, index: int, record: KeyRecord, digest: Digest, key: HpkeKey, *, numbers: tuple[str, str]
) -> Share:
    """Open a sealed share and compare it with its commitment.

    Raises SharesRefused with ``numbers[0]`` if it does not open, with ``numbers[1]`` if it does not fit.
    """
    try:
        share = open_share(sealed, index, key, to_bytes(digest, 32))
    except ContainerRefused:
        raise SharesRefused(
            numbers[0], "the share does not open with this vault's deposit key under this record."
        ) from None
    if len(share.value) != 32 or len(share.blind) != 32 or commit(share) != record.commitments[index - 1]:
        raise SharesRefused(numbers[1], "the share does not fit its commitment in the record.")
    return share


def check_policy(
    policy: Policy,
    signature: bytes,
    *,
    asset: Address,
    owner: Address,
    stored: Policy | None,
    federation: VaultFederation,
) -> Policy:
    """Return the policy that may replace ``stored``; raise SharesRefused with number "policy.n".

    (1) It names this asset and this owner.
    (2) The owner signed it.
    (3) Its version is above the stored one, or it equals the stored policy.
    (4) Its quorum is 0, or from t to the number of vaults.
    (5) Every machine id in it is spelled as evidence spells it; another spelling would never match and deny nothing.
    """
    if (policy.asset, policy.owner) != (asset, owner):  # (1)
        raise SharesRefused("policy.1", "the policy is about another asset, or names another owner.")
    if not policy.is_signed_by(owner, federation.domain, signature):  # (2)
        raise SharesRefused("policy.2", "the policy is not signed by the asset's owner.")
    if stored is not None and stored != policy and stored.version >= policy.version:  # (3)
        raise SharesRefused("policy.3", f"the policy has version {stored.version} already; use a higher one.")
    if policy.quorum and not federation.threshold <= policy.quorum <= len(federation.vaults):  # (4)
        raise SharesRefused(
            "policy.4", f"a quorum is 0, or from {federation.threshold} to {len(federation.vaults)} vaults."
        )
    if wrong := find_invalid_machine_id(policy.machines):  # (5)
        raise SharesRefused("policy.5", f"{wrong!r} is not a valid machine id; use letters and digits without 0x.")
    return policy


def check_withdrawal(withdrawal: Withdrawal, signature: bytes, *, last_version: int, domain: Domain) -> None:
    """Raise SharesRefused with number "withdraw.n" unless the share may be destroyed.

    (1) The owner of the key signed the withdrawal.
    (2) It names the newest known version or a later one, so an old withdrawal does not destroy a newer share.
    """
    if not withdrawal.is_signed_by(withdrawal.owner, domain, signature):  # (1)
        raise SharesRefused("withdraw.1", "the withdrawal is not signed by the owner of the key.")
    if withdrawal.version < last_version:  # (2)
        raise SharesRefused("withdraw.2", f"version {last_version} of this key was deposited after the withdrawn one.")


def _check_purpose(request: DepositRequest, asset: DatasetOnChain | AppOnChain | None, domain: Domain) -> Kind:
    """Run check (4); return the kind of the key."""
    record = request.record
    if request.grant is not None:
        _check_grant(request.grant, request.grant_signature, record, domain)
        if request.task_input and not request.task_input.proves(record.file_sha256):  # (4)
            raise SharesRefused("deposit.4", "the proof does not show that the sealed input is the one of its task.")
        return "input"
    if asset is None:  # (4)
        raise SharesRefused("deposit.4", f"{record.asset} is not a registered dataset or app; register it first.")
    if isinstance(asset, DatasetOnChain):
        check_dataset(record, asset, "deposit")  # (4)
        return "dataset"
    if asset.owner != record.owner:  # (4)
        raise SharesRefused("deposit.4", "the record's owner does not own the app now.")
    if request.policy is not None:  # (4)
        raise SharesRefused("deposit.4", "an app's secret is released to its own app only, so it takes no policy.")
    return "developer"


def _check_grant(grant: InputGrant, signature: bytes, record: KeyRecord, domain: Domain) -> None:
    if record.asset != input_asset(record.file_sha256):  # (4)
        raise SharesRefused("deposit.4", "a sealed input's asset must be the first 20 bytes of its file's SHA-256.")
    if (grant.owner, grant.file_sha256) != (record.owner, record.file_sha256):  # (4)
        raise SharesRefused("deposit.4", "the grant is by another owner or for another file than the record.")
    if not grant.is_signed_by(record.owner, domain, signature):  # (4)
        raise SharesRefused("deposit.4", "the grant is not signed by the owner of the input.")
    check_canonical(digests=(grant.app, grant.request))
