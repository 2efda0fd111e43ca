"""Checks before a vault stores a share of a key that iExec's SDK pushed (iexec-deposit.1-7). Pure.

The SMS adapter receives the whole value, splits it and writes the record, so the record is untrusted. The owner signed
the value's hash only. The hash is stored with the share, and the enclave compares it with the combined key.
"""

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.iexec_challenge import (
    DEVELOPER_SECRET_NAME,
    asset_secret_digest,
    named_secret_digest,
    requester_secret_address,
)
from sealgrid.crypto.signing import find_signer
from sealgrid.errors import SharesRefused
from sealgrid.units import Digest
from sealgrid.vault.chain.snapshot import AppOnChain, DatasetOnChain
from sealgrid.vault.checks.deposit import (
    Kind,
    StoredShare,
    check_dataset,
    check_form,
    check_index,
    open_committed_share,
)
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import IexecDeposit


def check_iexec_deposit(
    request: IexecDeposit,
    *,
    federation: VaultFederation,
    asset: DatasetOnChain | AppOnChain | None,
    stored: StoredShare | None,
    last_version: int,
    deposit_key: HpkeKey,
) -> StoredShare:
    """Return the share to store; raise SharesRefused with number "iexec-deposit.n".

    (1) The record is well formed, its key was split for exactly this federation on its hub, and its version is 1.
    (2) Its owner signed iExec's challenge over this asset, the secret's name if it has one, and this value's hash.
    (3) The share's index is this vault's.
    (4) Without a name, the asset is a dataset that belongs to that owner now and has this checksum on the chain; with
        the name of a developer's secret, it is an app that belongs to that owner now. A requester's secret is not on
        the chain: its asset follows from requester and name, and the requester's signature suffices.
    (5) No key of this asset and owner was ever stored, or the record equals the stored one; otherwise the signature
        could be replayed with other shares.
    (6) The share opens with the vault's deposit key under this record.
    (7) It fits its commitment in the record.

    ``asset`` is the chain's view of ``record.asset``; ``stored`` the stored share of this asset and owner;
    ``last_version`` the highest version ever stored, including destroyed ones, 0 for none.
    """
    digest = check_without_chain(request, federation)  # (1) (2) (3)
    record = request.record
    kind = _check_asset(request, asset)  # (4)
    if last_version and (stored is None or stored.record_digest != digest):  # (5)
        raise SharesRefused(
            "iexec-deposit.5", "this asset and owner already have a key; iExec's API writes each secret once."
        )
    numbers = ("iexec-deposit.6", "iexec-deposit.7")
    share = open_committed_share(request.sealed, request.index, record, digest, deposit_key, numbers=numbers)
    # A pushed text may be short enough to guess from its hash, so its hash is not stored.
    value_hash = request.value_hash if kind == "iexec" else None
    return StoredShare(kind, record, digest, request.signature, share, value_hash)


def check_without_chain(request: IexecDeposit, federation: VaultFederation) -> Digest:
    """Run checks (1), (2) and (3), which need no chain; return the record's digest."""
    record = request.record
    digest = check_form(record, federation, "iexec-deposit")  # (1)
    check_canonical(digests=(request.value_hash,))
    if record.version != 1:  # (1)
        raise SharesRefused("iexec-deposit.1", "a key pushed through iExec's API must have version 1.")
    if request.name not in {"", DEVELOPER_SECRET_NAME} and not is_requester_secret(request):  # (1)
        raise SharesRefused(
            "iexec-deposit.1", "the asset of a requester's secret must be the one derived from requester and name."
        )
    if is_requester_secret(request):
        challenge = named_secret_digest(record.owner, request.name, request.value_hash)
    elif request.name:
        challenge = named_secret_digest(record.asset, request.name, request.value_hash)
    else:
        challenge = asset_secret_digest(record.asset, request.value_hash)
    if find_signer(challenge, request.signature) != record.owner:  # (2)
        raise SharesRefused("iexec-deposit.2", "the owner in the record did not sign this value's hash for this asset.")
    check_index(request.index, federation, "iexec-deposit")  # (3)
    return digest


def is_requester_secret(request: IexecDeposit) -> bool:
    """Return whether the pushed value is a requester's secret: its asset is derived from requester and name."""
    try:
        return request.record.asset == requester_secret_address(request.record.owner, request.name)
    except ValueError:
        return False


def _check_asset(request: IexecDeposit, asset: DatasetOnChain | AppOnChain | None) -> Kind:
    """Run check (4); return the kind of the key."""
    record = request.record
    if not request.name:
        if not isinstance(asset, DatasetOnChain):  # (4)
            raise SharesRefused("iexec-deposit.4", f"{record.asset} is not a registered dataset; deploy it first.")
        check_dataset(record, asset, "iexec-deposit")  # (4)
        return "iexec"
    if is_requester_secret(request):
        return "iexec-requester"
    if not isinstance(asset, AppOnChain) or asset.owner != record.owner:  # (4)
        raise SharesRefused(
            "iexec-deposit.4", "the asset is not a registered app, or the record's owner does not own it now."
        )
    return "iexec-developer"
