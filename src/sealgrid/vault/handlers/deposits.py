"""Handlers for owners and requesters: deposit a share, set a policy, withdraw a key, view an asset."""

from msgspec import UnsetType

from sealgrid.attestation.statements import DepositReceipt
from sealgrid.errors import NotFound, SharesRefused
from sealgrid.units import Address, TaskId
from sealgrid.vault.checks.deposit import (
    StoredShare,
    check_deposit,
    check_policy,
    check_record,
    check_withdrawal,
)
from sealgrid.vault.checks.iexec_deposit import check_iexec_deposit, check_without_chain, is_requester_secret
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.share_store import StoredGrant, StoredPolicy
from sealgrid.wire.vault import (
    AssetView,
    DepositReply,
    DepositRequest,
    IexecDeposit,
    KeyVersion,
    PolicyRequest,
    WithdrawRequest,
)


async def accept_deposit(vault: Vault, request: DepositRequest) -> DepositReply:
    """Store a share and sign its receipt; a repeated deposit gets the same receipt."""
    record = request.record
    # First the checks that need no chain, so unsigned requests cause no chain reads.
    check_record(record, request.signature, request.index, vault.federation, "deposit")
    asset = await vault.chain.asset(record.asset) if request.grant is None else None
    at = await vault.chain.time() if request.grant is None else vault.clock()
    stored = vault.share_store.find(record.asset, record.owner)
    share = check_deposit(
        request,
        federation=vault.federation,
        asset=asset,
        stored=stored,
        last_version=_last_version(vault, record.asset, record.owner),
        deposit_key=vault.keys.deposit,
    )
    policy = None if request.policy is None else StoredPolicy(request.policy, request.policy_signature)
    proof = None if isinstance(request.task_input, UnsetType) else request.task_input
    grant = None if request.grant is None else StoredGrant(request.grant, request.grant_signature, proof)
    if policy is not None:
        _check_policy(vault, policy, share)
    vault.share_store.store(share, policy=policy, grant=grant, at=at)
    if stored is not None and stored.record_digest != share.record_digest:
        await vault.database.scrub()
    return _receipt(vault, share)


async def accept_iexec_deposit(vault: Vault, request: IexecDeposit) -> DepositReply:
    """Store a share of a key pushed through iExec's API; a repeated deposit gets the same receipt."""
    record = request.record
    check_without_chain(request, vault.federation)
    asset = None if is_requester_secret(request) else await vault.chain.asset(record.asset)
    at = await vault.chain.time()
    share = check_iexec_deposit(
        request,
        federation=vault.federation,
        asset=asset,
        stored=vault.share_store.find(record.asset, record.owner),
        last_version=_last_version(vault, record.asset, record.owner),
        deposit_key=vault.keys.deposit,
    )
    vault.share_store.store(share, policy=None, grant=None, at=at)
    return _receipt(vault, share)


async def set_policy(vault: Vault, request: PolicyRequest) -> AssetView:
    """Replace the policy of a deposited key by a newer one."""
    at = await vault.chain.time()
    share = vault.share_store.find(request.policy.asset, request.policy.owner)
    if share is None:
        raise NotFound("this vault has no key of this asset and owner; deposit its share first.")
    if share.kind == "iexec":
        raise SharesRefused(
            "policy.6", "this key was pushed through iExec's API, which has no policies; deposit it again with one."
        )
    policy = StoredPolicy(request.policy, request.signature)
    _check_policy(vault, policy, share)
    vault.share_store.set_policy(policy, at=at)
    return _view(vault, share.record.asset, share.record.owner)


async def withdraw_key(vault: Vault, request: WithdrawRequest) -> AssetView:
    """Destroy the share of a key; the owner may deposit a higher version later."""
    withdrawal, at = request.withdrawal, await vault.chain.time()
    check_canonical(addresses=(withdrawal.asset, withdrawal.owner))
    last_version = _last_version(vault, withdrawal.asset, withdrawal.owner)
    check_withdrawal(withdrawal, request.signature, last_version=last_version, domain=vault.federation.domain)
    vault.share_store.destroy(withdrawal.asset, withdrawal.owner, at=at)
    await vault.database.scrub()
    return _view(vault, withdrawal.asset, withdrawal.owner)


async def view_asset(vault: Vault, asset: Address, owner: Address) -> AssetView:
    """Return record and policy of one owner's key of an asset; several accounts may deposit keys of one asset."""
    return _view(vault, asset, owner)


def _check_policy(vault: Vault, policy: StoredPolicy, share: StoredShare) -> None:
    stored = vault.share_store.policy(share.record.asset, share.record.owner)
    check_policy(
        policy.policy,
        policy.signature,
        asset=share.record.asset,
        owner=share.record.owner,
        stored=None if stored is None else stored.policy,
        federation=vault.federation,
    )


def _receipt(vault: Vault, share: StoredShare) -> DepositReply:
    receipt = DepositReceipt(record=share.record_digest, vault=vault.address, index=share.share.index)
    return DepositReply(vault=vault.address, signature=vault.sign(receipt))


def _last_version(vault: Vault, asset: Address, owner: Address) -> int:
    return max((each.record.version for each in vault.share_store.versions(asset, owner)), default=0)


def _view(vault: Vault, asset: Address, owner: Address) -> AssetView:
    versions, policy = vault.share_store.versions(asset, owner), vault.share_store.policy(asset, owner)
    if not versions:
        raise NotFound("no key of this asset and owner was ever deposited at this vault.")
    newest, share = versions[-1], vault.share_store.find(asset, owner)
    unopened, opened = vault.unopened_keys.find(newest.record_digest), vault.opened_keys.find(newest.record_digest)
    return AssetView(
        record=newest.record,
        signature=newest.signature,
        policy=None if policy is None else policy.policy,
        policy_signature=b"" if policy is None else policy.signature,
        history=tuple(
            KeyVersion(
                version=each.record.version,
                record=each.record_digest,
                received=each.received,
                destroyed=each.destroyed,
            )
            for each in versions
        ),
        iexec=share is not None and share.kind == "iexec",
        unopened=TaskId("") if unopened is None else unopened.task,
        opened=TaskId("") if opened is None else opened.task,
    )
