"""Serve owners and requesters: shares into keeping, policies, what is known of an asset."""

from sealgrid.attestation.statements import DepositReceipt
from sealgrid.errors import NotFound
from sealgrid.units import Address
from sealgrid.vault.custody import SignedGrant, SignedPolicy
from sealgrid.vault.deposit import HeldShare, check_deposit, check_policy, check_record
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import AssetView, DepositReply, DepositRequest, PolicyRequest


async def accept_deposit(vault: Vault, request: DepositRequest) -> DepositReply:
    """Take a share into keeping and sign its receipt; the same deposit again gives the same receipt."""
    record = request.record
    # Before the chain is asked: strangers shall not make us ask it.
    check_record(record, request.signature, request.index, vault.federation, "deposit")
    asset = await vault.chain.asset(record.asset) if request.grant is None else None
    held = check_deposit(
        request,
        federation=vault.federation,
        asset=asset,
        held=vault.custody.share(record.asset, record.owner),
        deposit_key=vault.keys.deposit,
    )
    signed = None if request.policy is None else SignedPolicy(request.policy, request.policy_signature)
    grant = None if request.grant is None else SignedGrant(request.grant, request.grant_signature)
    if signed is not None:
        _expect_newer(vault, signed, held)
    vault.custody.keep(held, policy=signed, grant=grant, at=vault.clock())
    receipt = DepositReceipt(record=held.record_digest, vault=vault.us, index=request.index)
    return DepositReply(vault=vault.us, signature=vault.sign(receipt))


async def set_policy(vault: Vault, request: PolicyRequest) -> AssetView:
    """Replace the policy of a key that is here by a newer one."""
    held = vault.custody.share(request.policy.asset, request.policy.owner)
    if held is None:
        raise NotFound("no key of this asset and owner is here; deposit its share first.")
    signed = SignedPolicy(request.policy, request.signature)
    _expect_newer(vault, signed, held)
    vault.custody.set_policy(signed)
    return _view(vault, held)


async def view_asset(vault: Vault, asset: Address, owner: Address) -> AssetView:
    """Return record and policy of an owner's key; anybody may deposit under any name, so the owner is part of it."""
    held = vault.custody.share(asset, owner)
    if held is None:
        raise NotFound("no key of this asset and owner is here.")
    return _view(vault, held)


def _expect_newer(vault: Vault, signed: SignedPolicy, held: HeldShare) -> None:
    known = vault.custody.policy(held.record.asset, held.record.owner)
    check_policy(
        signed.policy,
        signed.signature,
        asset=held.record.asset,
        owner=held.record.owner,
        held=None if known is None else known.policy,
        domain=vault.federation.domain,
    )


def _view(vault: Vault, held: HeldShare) -> AssetView:
    known = vault.custody.policy(held.record.asset, held.record.owner)
    return AssetView(
        record=held.record,
        signature=held.signature,
        policy=None if known is None else known.policy,
        policy_signature=b"" if known is None else known.signature,
    )
