"""When a vault takes a share of a key that iExec's SDK pushed: the owner signed the value's hash, a stranger split it.

Whoever split the key (iExec's route ends in one process) wrote the record and may lie in it. The owner's signature
binds the value's hash, which goes with the share, so that the enclave tells another key after it has combined it.
"""

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.iexec_challenge import (
    DEVELOPER_SECRET_NAME,
    asset_secret_digest,
    named_secret_digest,
    requester_secret_address,
)
from sealgrid.errors import SharesRefused
from sealgrid.units import Digest
from sealgrid.vault.chain.snapshot import AppOnChain, DatasetOnChain
from sealgrid.vault.checks.deposit import Kind, StoredShare, check_form, check_index, open_share
from sealgrid.vault.checks.signatures import canonical, recovered
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import IexecDeposit


def check_iexec_deposit(
    request: IexecDeposit,
    *,
    federation: VaultFederation,
    asset: DatasetOnChain | AppOnChain | None,
    held: StoredShare | None,
    last: int,
    deposit_key: HpkeKey,
) -> StoredShare:
    """Return the share that may be stored; raise SharesRefused with the number "iexec-deposit.n".

    (1) The record is well formed, its key was split for exactly our federation on our hub, and its version is 1.
    (2) Its owner signed iExec's challenge over this asset, the secret's name if it has one, and this value's hash.
    (3) The share's index is ours.
    (4) Without a name, the asset is a dataset that belongs to that owner now and has this checksum on the chain; with
        the name of a developer's secret, it is an app that belongs to that owner now. A requester's secret is nothing
        on the chain: its asset follows from the requester and the name, and the requester's own signature is enough.
    (5) No key of this asset and owner was ever here, or it is the very record that we hold: the signature could be
        shown again with other shares.
    (6) The share opens with our deposit key under this record.
    (7) It fits its commitment in the record.

    ``asset`` is what the chain says of ``record.asset``; ``held`` is what we keep of it for this owner, ``last`` the
    highest version of this key that we know, of shares that are destroyed too, 0 for none.
    """
    digest = check_pushed(request, federation)  # (1) (2) (3)
    record = request.record
    kind = _check_asset(request, asset)  # (4)
    if last and (held is None or held.record_digest != digest):  # (5)
        raise SharesRefused("iexec-deposit.5", "a key of this asset and owner was here already; iExec writes once.")
    numbers = ("iexec-deposit.6", "iexec-deposit.7")
    share = open_share(request.sealed, request.index, record, digest, deposit_key, numbers=numbers)
    # What is pushed as a text may be short enough to be guessed from its hash, so that is not kept.
    value_hash = request.value_hash if kind == "iexec" else None
    return StoredShare(kind, record, digest, request.signature, share, value_hash)


def check_pushed(request: IexecDeposit, federation: VaultFederation) -> Digest:
    """Checks (1) to (3), which need no chain; return the record's digest."""
    record = request.record
    digest = check_form(record, federation, "iexec-deposit")  # (1)
    canonical(digests=(request.value_hash,))
    if record.version != 1:  # (1)
        raise SharesRefused("iexec-deposit.1", "a key that came by iExec's route has version 1 and no other.")
    if request.name not in {"", DEVELOPER_SECRET_NAME} and not is_of_requester(request):  # (1)
        raise SharesRefused("iexec-deposit.1", "the asset of a requester's secret follows from requester and name.")
    if recovered(_challenge(request), request.signature) != record.owner:  # (2)
        raise SharesRefused("iexec-deposit.2", "the owner in the record did not sign this value's hash for this asset.")
    check_index(request.index, federation, "iexec-deposit")  # (3)
    return digest


def is_of_requester(request: IexecDeposit) -> bool:
    """Tell whether what was pushed is a requester's secret: its asset is what requester and name make."""
    try:
        return request.record.asset == requester_secret_address(request.record.owner, request.name)
    except ValueError:
        return False


def _challenge(request: IexecDeposit) -> bytes:
    asset, value_hash = request.record.asset, request.value_hash
    if is_of_requester(request):
        return named_secret_digest(request.record.owner, request.name, value_hash)
    if request.name:
        return named_secret_digest(asset, request.name, value_hash)
    return asset_secret_digest(asset, value_hash)


def _check_asset(request: IexecDeposit, asset: DatasetOnChain | AppOnChain | None) -> Kind:
    if not request.name:
        _check_dataset(request, asset)
        return "iexec"
    if is_of_requester(request):
        return "iexec-requester"
    if not isinstance(asset, AppOnChain) or asset.owner != request.record.owner:
        raise SharesRefused("iexec-deposit.4", "the asset is no app here, or the record's owner does not own it now.")
    return "iexec-developer"


def _check_dataset(request: IexecDeposit, dataset: DatasetOnChain | AppOnChain | None) -> None:
    if not isinstance(dataset, DatasetOnChain):
        raise SharesRefused("iexec-deposit.4", f"{request.record.asset} is no dataset here; deploy it first.")
    if dataset.owner != request.record.owner:
        raise SharesRefused("iexec-deposit.4", "the record's owner does not own the dataset now.")
    if dataset.checksum != request.record.file_sha256:
        raise SharesRefused("iexec-deposit.4", "the dataset's checksum on the chain is not the record's file.")
