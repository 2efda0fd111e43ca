"""Serve owners and requesters: shares into keeping, policies, what is known of an asset."""

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
from sealgrid.vault.checks.iexec_deposit import check_iexec_deposit, check_pushed, is_of_requester
from sealgrid.vault.checks.signatures import canonical
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
    """Take a share into keeping and sign its receipt; the same deposit again gives the same receipt."""
    record = request.record
    # Before the chain is asked: strangers shall not make us ask it.
    check_record(record, request.signature, request.index, vault.federation, "deposit")
    asset = await vault.chain.asset(record.asset) if request.grant is None else None
    at = await vault.chain.time() if request.grant is None else vault.clock()
    held = check_deposit(
        request,
        federation=vault.federation,
        asset=asset,
        held=(before := vault.custody.share(record.asset, record.owner)),
        last=_last(vault, record.asset, record.owner),
        deposit_key=vault.keys.deposit,
    )
    signed = None if request.policy is None else StoredPolicy(request.policy, request.policy_signature)
    grant = None if request.grant is None else StoredGrant(request.grant, request.grant_signature)
    if signed is not None:
        _expect_newer(vault, signed, held)
    vault.custody.keep(held, policy=signed, grant=grant, at=at)
    if before is not None and before.record_digest != held.record_digest:
        await vault.store.scrubbed()
    return _receipt(vault, held)


async def accept_iexec_deposit(vault: Vault, request: IexecDeposit) -> DepositReply:
    """Take a share that came by iExec's route into keeping; the same deposit again gives the same receipt."""
    record = request.record
    check_pushed(request, vault.federation)
    asset = None if is_of_requester(request) else await vault.chain.asset(record.asset)
    at = await vault.chain.time()
    taken = check_iexec_deposit(
        request,
        federation=vault.federation,
        asset=asset,
        held=vault.custody.share(record.asset, record.owner),
        last=_last(vault, record.asset, record.owner),
        deposit_key=vault.keys.deposit,
    )
    vault.custody.keep(taken, policy=None, grant=None, at=at)
    return _receipt(vault, taken)


async def set_policy(vault: Vault, request: PolicyRequest) -> AssetView:
    """Replace the policy of a key that is here by a newer one."""
    at = await vault.chain.time()
    held = vault.custody.share(request.policy.asset, request.policy.owner)
    if held is None:
        raise NotFound("no key of this asset and owner is here; deposit its share first.")
    if held.kind == "iexec":
        raise SharesRefused(
            "policy.6", "this key came by iExec's route and has no policy; deposit it anew to have one."
        )
    signed = StoredPolicy(request.policy, request.signature)
    _expect_newer(vault, signed, held)
    vault.custody.set_policy(signed, at=at)
    return _view(vault, held.record.asset, held.record.owner)


async def withdraw_key(vault: Vault, request: WithdrawRequest) -> AssetView:
    """Destroy the share of a key for good; it can be shared anew under a higher version."""
    word, at = request.withdrawal, await vault.chain.time()
    canonical(addresses=(word.asset, word.owner))
    last = _last(vault, word.asset, word.owner)
    check_withdrawal(word, request.signature, last=last, domain=vault.federation.domain)
    vault.custody.destroy(word.asset, word.owner, at=at)
    await vault.store.scrubbed()
    return _view(vault, word.asset, word.owner)


async def view_asset(vault: Vault, asset: Address, owner: Address) -> AssetView:
    """Return record and policy of an owner's key; anybody may deposit under any name, so the owner is part of it."""
    return _view(vault, asset, owner)


def _expect_newer(vault: Vault, signed: StoredPolicy, held: StoredShare) -> None:
    known = vault.custody.policy(held.record.asset, held.record.owner)
    check_policy(
        signed.policy,
        signed.signature,
        asset=held.record.asset,
        owner=held.record.owner,
        held=None if known is None else known.policy,
        federation=vault.federation,
    )


def _receipt(vault: Vault, held: StoredShare) -> DepositReply:
    receipt = DepositReceipt(record=held.record_digest, vault=vault.us, index=held.share.index)
    return DepositReply(vault=vault.us, signature=vault.sign(receipt))


def _last(vault: Vault, asset: Address, owner: Address) -> int:
    return max((each.record.version for each in vault.custody.versions(asset, owner)), default=0)


def _view(vault: Vault, asset: Address, owner: Address) -> AssetView:
    versions, policy = vault.custody.versions(asset, owner), vault.custody.policy(asset, owner)
    if not versions:
        raise NotFound("no key of this asset and owner was ever here.")
    newest, held = versions[-1], vault.custody.share(asset, owner)
    noted, opened = vault.unopened.find(newest.record_digest), vault.opened.find(newest.record_digest)
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
        iexec=held is not None and held.kind == "iexec",
        unopened=TaskId("") if noted is None else noted.task,
        opened=TaskId("") if opened is None else opened.task,
    )
