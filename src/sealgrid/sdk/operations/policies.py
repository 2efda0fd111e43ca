"""An owner's policy: read what the vaults hold, sign a newer one, give it to all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.chain.assets import Assets
from sealgrid.errors import CheckFailed, NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.key_versions import views_heard, views_of
from sealgrid.units import Address
from sealgrid.wire.vault import AssetView, PolicyRequest


@dataclass(frozen=True, slots=True)
class PolicyUpdate:
    """A policy that is in force, and the vaults that do not know it yet."""

    policy: Policy
    unreached: tuple[str, ...]  #: a sentence for each vault that still holds the one before


async def policy_of(conn: Connection, model: Address) -> Policy:
    """Return the newest policy that the model's present owner signed; raise NotFound when no vault holds one."""
    owner = await Assets(conn.hub).owner(model)
    newest = _newest(conn, await views_of(conn, model, owner), owner)
    if newest is None:
        raise NotFound(f"no vault holds a policy for {model} by its owner {owner}.", money="")
    return newest


async def policy_heard(conn: Connection, model: Address) -> Policy | None:
    """Return the same as far as t vaults tell without waiting for a silent one; None where none of them shows one."""
    owner = await Assets(conn.hub).owner(model)
    return _newest(conn, await views_heard(conn, model, owner), owner)


def _newest(conn: Connection, views: Sequence[AssetView | None], owner: Address) -> Policy | None:
    told = [view for view in views if view is not None]
    signed = [view.policy for view in told if view.policy is not None and _is_signed(conn, view, owner)]
    return max(signed, key=lambda policy: policy.version, default=None)


async def set_policy(conn: Connection, policy: Policy) -> PolicyUpdate:
    """Sign a policy as the next version and give it to every vault.

    In force means that too few vaults are left with the one before to release a key: fewer than t. Raises
    ServiceUnavailable when that many did not take it, and a vault's own refusal of a policy that it finds wrong.
    """
    signed = msgspec.structs.replace(policy, version=policy.version + 1)
    return await give_policy(conn, PolicyRequest(policy=signed, signature=signed.sign(conn.domain, conn.key)))


async def give_policy(conn: Connection, request: PolicyRequest) -> PolicyUpdate:
    """Give a signed policy to every vault; raises as ``set_policy``."""
    network = conn.network
    replies = await asyncio.gather(*(vault.set_policy(request) for vault in conn.vaults), return_exceptions=True)
    unreached = []
    for vault, reply in zip(conn.vault_addresses, replies, strict=True):
        if isinstance(reply, CheckFailed) or (isinstance(reply, BaseException) and not _away(reply)):
            raise reply
        if isinstance(reply, BaseException):
            unreached.append(f"vault {vault} does not know it yet; do it again once it is back.")
    if len(unreached) >= network.threshold:
        raise ServiceUnavailable(
            f"{len(unreached)} vaults did not take the policy; {network.threshold} of them can still release by the "
            "former one. Do it again."
        )
    return PolicyUpdate(request.policy, tuple(unreached))


def _away(reply: BaseException) -> bool:
    return isinstance(reply, ServiceUnavailable | NotFound)


def _is_signed(conn: Connection, view: AssetView, owner: Address) -> bool:
    return view.policy is not None and view.policy.is_signed_by(owner, conn.domain, view.policy_signature)
