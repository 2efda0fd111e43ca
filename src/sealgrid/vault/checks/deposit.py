"""When a vault takes a key share into keeping, and when an owner's policy replaces the one before it."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from sealgrid.attestation.policy import Policy, find_invalid_machine_id
from sealgrid.attestation.statements import InputGrant, Withdrawal
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.crypto.shares import KeyRecord, Share, commit, validate_record
from sealgrid.crypto.signing import Domain
from sealgrid.errors import CheckFailed, InputRefused, SharesRefused
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.vault.chain.snapshot import AppOnChain, DatasetOnChain
from sealgrid.vault.checks.signatures import canonical, digest_of, signer
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import DepositRequest, SharePart

Kind = Literal["dataset", "input", "developer", "iexec", "iexec-developer", "iexec-requester"]


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A share in keeping. Its representation shows nothing of it."""

    kind: Kind
    record: KeyRecord
    record_digest: Digest
    signature: bytes  #: by the owner; of kind "iexec": iExec's, over the value's hash
    share: Share = field(repr=False)
    value_hash: Digest | None = None  #: of kind "iexec" alone: keccak256 of the value whose share this claims to be

    @property
    def shown_signature(self) -> bytes:
        """Return what anybody may see: of a text that was pushed nothing, since guesses could be held against it."""
        return b"" if self.kind in {"iexec-developer", "iexec-requester"} else self.signature


def check_deposit(
    request: DepositRequest,
    *,
    federation: VaultFederation,
    asset: DatasetOnChain | AppOnChain | None,
    held: StoredShare | None,
    last: int,
    deposit_key: HpkeKey,
) -> StoredShare:
    """Return the share that may be stored; raise SharesRefused with the number "deposit.n".

    (1) The record is well formed and its key was split for exactly our federation on our hub.
    (2) Its owner signed it.
    (3) The share's index is ours.
    (4) A dataset belongs to that owner now and has this checksum on the chain; an app, whose developer's secret this
        is, belongs to that owner now and comes without a policy; a requester's input carries its file's name as asset
        and a grant, signed by the same owner, for this file.
    (5) The version is above every one of this key that was ever here, or it is the very record that we hold.
    (6) The share opens with our deposit key under this record.
    (7) It fits its commitment in the record.

    ``asset`` is what the chain says of ``record.asset``, None where it is neither dataset nor app; ``held`` is what we
    keep of this asset and owner, ``last`` the highest version that we know, of shares that are destroyed too.
    """
    record = request.record
    digest = check_record(record, request.signature, request.index, federation, "deposit")  # (1) (2) (3)
    kind = _check_purpose(request, asset, federation.domain)  # (4)
    if (held is None or held.record_digest != digest) and last >= record.version:  # (5)
        raise SharesRefused("deposit.5", f"version {last} of this key was here already; versions only grow.")
    share = open_share(request.sealed, request.index, record, digest, deposit_key, numbers=("deposit.6", "deposit.7"))
    return StoredShare(kind, record, digest, request.signature, share)


def input_asset(file_sha256: Digest) -> Address:
    """Return the name under which a sealed input's key is kept: the first 20 bytes of its file's digest."""
    return Address(file_sha256[:42])


def check_record(record: KeyRecord, signature: bytes, index: int, federation: VaultFederation, proof: str) -> Digest:
    """Return the digest of a record that (1) is for us, (2) is signed by its owner, (3) gives us this index."""
    digest = check_form(record, federation, proof)  # (1)
    if signer(record, federation.domain, signature) != record.owner:  # (2)
        raise SharesRefused(f"{proof}.2", "the record is not signed by the owner that it names.")
    check_index(index, federation, proof)  # (3)
    return digest


def check_form(record: KeyRecord, federation: VaultFederation, proof: str) -> Digest:
    """Return the digest of a well-formed record for our federation; raise SharesRefused with "``proof``.1"."""
    digest = digest_of(record, federation.domain)
    canonical(addresses=(record.hub, record.asset, record.owner, *record.vaults), digests=(record.file_sha256,))
    try:
        validate_record(record)
    except (CheckFailed, InputRefused) as error:
        raise SharesRefused(f"{proof}.1", error.message) from error
    if not federation.shares(record):
        raise SharesRefused(f"{proof}.1", "the record is for another hub or another federation of vaults.")
    return digest


def check_index(index: int, federation: VaultFederation, proof: str) -> None:
    """Raise SharesRefused with "``proof``.3" unless this share is ours."""
    if index != federation.position + 1:
        raise SharesRefused(f"{proof}.3", f"share {index} belongs to another vault; ours is {federation.position + 1}.")


def open_share(
    sealed: bytes, index: int, record: KeyRecord, digest: Digest, key: HpkeKey, *, numbers: tuple[str, str]
) -> Share:
    """Return the share inside a sealed part; raise SharesRefused when it does not open, or is not the committed one."""
    try:
        part = msgspec.json.decode(key.open(sealed, to_bytes(digest, 32)), type=SharePart)
        share = Share(index=index, value=part.value, blind=part.blind)
    except (CheckFailed, ValueError, *UNREADABLE):
        # Without the cause: what was decrypted must not travel in an exception.
        raise SharesRefused(numbers[0], "the share does not open with our deposit key under this record.") from None
    if len(part.value) != 32 or len(part.blind) != 32 or commit(share) != record.commitments[index - 1]:
        raise SharesRefused(numbers[1], "the share does not fit its commitment in the record.")
    return share


def check_policy(
    policy: Policy,
    signature: bytes,
    *,
    asset: Address,
    owner: Address,
    held: Policy | None,
    federation: VaultFederation,
) -> Policy:
    """Return the policy that may replace ``held``; raise SharesRefused with the number "policy.n".

    (1) It is about this asset and by this owner. (2) The owner signed it. (3) Its version is above the one that we
    hold, or it is the very policy that we hold. (4) Its quorum is 0, or from t to all of our vaults. (5) Every id in it
    is written as evidence writes it: one that never matches would deny nobody.
    """
    if (policy.asset, policy.owner) != (asset, owner):  # (1)
        raise SharesRefused("policy.1", "the policy is about another asset, or names another owner.")
    if signer(policy, federation.domain, signature) != owner:  # (2)
        raise SharesRefused("policy.2", "the policy is not signed by the asset's owner.")
    if held is not None and held != policy and held.version >= policy.version:  # (3)
        raise SharesRefused("policy.3", f"version {held.version} of the policy is here; versions only grow.")
    if policy.quorum and not federation.threshold <= policy.quorum <= len(federation.vaults):  # (4)
        all_of_them = len(federation.vaults)
        raise SharesRefused("policy.4", f"a quorum is 0, or from {federation.threshold} to {all_of_them} vaults.")
    if wrong := find_invalid_machine_id(policy.machines):  # (5)
        raise SharesRefused("policy.5", f"{wrong!r} is no id as evidence writes it: letters, digits, no 0x.")
    return policy


def check_withdrawal(withdrawal: Withdrawal, signature: bytes, *, last: int, domain: Domain) -> None:
    """Raise SharesRefused with the number "withdraw.n" unless the share may be destroyed.

    (1) The owner of the key signed it. (2) It is about the newest version that we know, or a later one: a word from
    before the key was shared anew does not destroy what came after.
    """
    if signer(withdrawal, domain, signature) != withdrawal.owner:  # (1)
        raise SharesRefused("withdraw.1", "the withdrawal is not signed by the owner of the key.")
    if withdrawal.version < last:  # (2)
        raise SharesRefused("withdraw.2", f"version {last} of this key is here, and was not withdrawn.")


def _check_purpose(request: DepositRequest, asset: DatasetOnChain | AppOnChain | None, domain: Domain) -> Kind:
    if request.grant is not None:
        _check_grant(request.grant, request.grant_signature, request.record, domain)
        return "input"
    if asset is None:  # (4)
        raise SharesRefused("deposit.4", f"{request.record.asset} is neither dataset nor app here; register it first.")
    if isinstance(asset, DatasetOnChain):
        _check_dataset(request.record, asset)
        return "dataset"
    _check_app(request, asset)
    return "developer"


def _check_app(request: DepositRequest, app: AppOnChain) -> None:
    if app.owner != request.record.owner:  # (4)
        raise SharesRefused("deposit.4", "the record's owner does not own the app now.")
    if request.policy is not None:  # (4)
        raise SharesRefused("deposit.4", "an app's secret goes to its own app alone, so it has no policy.")


def _check_dataset(record: KeyRecord, dataset: DatasetOnChain) -> None:
    if dataset.owner != record.owner:  # (4)
        raise SharesRefused("deposit.4", "the record's owner does not own the dataset now.")
    if dataset.checksum != record.file_sha256:  # (4)
        raise SharesRefused("deposit.4", "the dataset's checksum on the chain is not the record's file.")


def _check_grant(grant: InputGrant, signature: bytes, record: KeyRecord, domain: Domain) -> None:
    if record.asset != input_asset(record.file_sha256):  # (4)
        raise SharesRefused("deposit.4", "a sealed input's asset is the first 20 bytes of its file's sha256.")
    if (grant.owner, grant.file_sha256) != (record.owner, record.file_sha256):  # (4)
        raise SharesRefused("deposit.4", "the grant is by another owner or for another file than the record.")
    if signer(grant, domain, signature) != record.owner:  # (4)
        raise SharesRefused("deposit.4", "the grant is not signed by the owner of the input.")
    canonical(digests=(grant.app, grant.request))
