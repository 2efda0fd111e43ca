"""Read an owner's newest policy from the vaults; sign the next version and send it to all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.chain.assets import Assets
from sealgrid.errors import CheckFailed, NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.key_versions import views_of, views_of_quorum
from sealgrid.units import Address
from sealgrid.wire.vault import AssetView, PolicyRequest


@dataclass(frozen=True, slots=True)
class PolicyUpdate:
    """A policy that is in force, and the vaults that do not have it yet."""

    policy: Policy
    unreached: tuple[str, ...]  #: one sentence a vault that still has the previous policy


async def policy_of(conn: Connection, model: Address) -> Policy:
    """Return the newest policy that the model's present owner signed; raise NotFound when no vault has one."""
    owner = await Assets(conn.hub).owner(model)
    newest = newest_policy(conn, await views_of(conn, model, owner), model, owner)
    if newest is None:
        raise NotFound(f"no vault has a policy for {model} by its owner {owner}.", money="")
    return newest


async def policy_of_quorum(conn: Connection, model: Address) -> Policy | None:
    """Return the same once t vaults answered; None when none of them has a policy."""
    owner = await Assets(conn.hub).owner(model)
    return newest_policy(conn, await views_of_quorum(conn, model, owner), model, owner)


def newest_policy(conn: Connection, views: Sequence[AssetView | None], model: Address, owner: Address) -> Policy | None:
    """Return the newest of the vaults' policies for a model that its owner signed; vaults are not trusted here."""
    signed = [
        view.policy
        for view in views
        if view is not None
        and view.policy is not None
        and view.policy.asset == model
        and view.policy.is_signed_by(owner, conn.domain, view.policy_signature)
    ]
    return max(signed, key=lambda policy: policy.version, default=None)


async def set_policy(conn: Connection, policy: Policy) -> PolicyUpdate:
    """Sign a policy as the next version and send it to every vault.

    It is in force when fewer than t vaults still have the previous policy, too few to release a key. Raises
    ServiceUnavailable when t or more did not accept it, and a vault's refusal of an invalid policy.
    """
    signed = msgspec.structs.replace(policy, version=policy.version + 1)
    return await send_policy(conn, PolicyRequest(policy=signed, signature=signed.sign(conn.domain, conn.key)))


async def send_policy(conn: Connection, request: PolicyRequest) -> PolicyUpdate:
    """Send a signed policy to every vault; raises like ``set_policy``."""
    network = conn.network
    replies = await asyncio.gather(*(vault.set_policy(request) for vault in conn.vaults), return_exceptions=True)
    unreached = []
    for vault, reply in zip(conn.vault_addresses, replies, strict=True):
        if isinstance(reply, BaseException):
            if isinstance(reply, CheckFailed) or not isinstance(reply, ServiceUnavailable | NotFound):
                raise reply
            unreached.append(f"vault {vault} does not have it yet; set it again once the vault is back.")
    if len(unreached) >= network.threshold:
        raise ServiceUnavailable(
            f"{len(unreached)} vaults did not accept the policy; {network.threshold} of them can still release by the "
            "previous one. Set it again."
        )
    return PolicyUpdate(request.policy, tuple(unreached))
