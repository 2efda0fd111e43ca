"""Say on chain who may buy a model's uses and until when, and take it back (docs/protocol/access.md)."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.chain.access_policy import FOREVER, AccessGrant, AccessPolicy
from sealgrid.chain.assets import Assets
from sealgrid.errors import ChainError, InputRefused, NotFound
from sealgrid.poco.constants import CONTRIBUTION_DEADLINE_RATIO
from sealgrid.poco.orders import DatasetOrder, terms_of
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.orders import count_offers, offer_in_parts, on_terms_of, sign_and_publish
from sealgrid.sdk.operations.policies import policy_of, set_policy
from sealgrid.units import ZERO_ADDRESS, Address

Offers = list[tuple[DatasetOrder, int]]  #: open ones, with the uses that are left of each


@dataclass(frozen=True, slots=True)
class GrantResult:
    """Who may buy now, and what was done so that nobody else may."""

    model: Address
    account: Address
    until: int | None  #: Unix seconds; None for ever
    access: Address  #: the AccessPolicy that PoCo asks
    closed: int  #: offers that were open to everybody and are offered anew to those who are granted
    unreached: tuple[str, ...]  #: a sentence for each thing that is still to be done


@dataclass(frozen=True, slots=True)
class RevokeResult:
    """Who may buy no more, and how long what was bought before may still run."""

    model: Address
    account: Address
    access: tuple[Address, ...]  #: AccessPolicies in which it stands; none where offers are open to everybody
    block: int  #: from which on PoCo refuses; 0 where no AccessPolicy was asked to
    worst_delay: int  #: seconds in which a deal from before may still get the key; 0 when the vaults refuse it too
    unreached: tuple[str, ...]  #: a sentence for each thing that is still to be done


async def granted(conn: Connection, restriction: Address) -> tuple[AccessGrant, ...]:
    """Return whom an offer's restriction names: an account, or the members of an AccessPolicy.

    Holders of a token, and members of groups of another kind, are not listed anywhere.
    """
    if not await conn.node.code(restriction):
        return (AccessGrant(restriction, FOREVER),)
    return tuple(await AccessPolicy(conn.node, restriction).members())


async def grant(
    conn: Connection,
    model: Address,
    account: Address,
    offers: Offers,
    *,
    until: int | None,
    app: Address | None,
    keep: Callable[[DatasetOrder], None],
) -> GrantResult:
    """Let an account buy uses of an own model, and nobody who was not granted them.

    ``app`` grants that app's offers alone, and lets it use the model if it could not yet. Offers that everybody could
    buy are made anew for granted accounts, then cancelled. Raises NotFound when nothing is for sale.
    """
    if not offers:
        raise NotFound(f"{conn.address} offers no uses of the model {model}; offer some first.")
    wanted = offers if app is None else [each for each in offers if each[0].apprestrict in (app, ZERO_ADDRESS)]
    access = next(iter(await _own_policies(conn, wanted)), None) or await AccessPolicy.deploy(conn.wallet)
    await access.grant(conn.wallet, account, until=FOREVER if until is None else until)
    unreached = await _let_vaults(conn, model, account, app)
    if app is not None and not wanted:
        like = offers[0][0]
        left = sum(left for order, left in offers if terms_of(order) == terms_of(like))
        wider = on_terms_of(like, volume=left, apprestrict=app, requesterrestrict=access.address)
        await offer_in_parts(conn, wider, keep=keep)
    closed = [each for each in wanted if each[0].requesterrestrict == ZERO_ADDRESS]
    for order, left in closed:
        again = on_terms_of(order, volume=left, requesterrestrict=access.address)
        await sign_and_publish(conn, again, keep)
        await conn.hub.cancel(conn.wallet, order)
    return GrantResult(model, account, until, access.address, count_offers(order for order, _ in closed), unreached)


async def revoke(conn: Connection, model: Address, account: Address, offers: Offers, *, running: bool) -> RevokeResult:
    """Let an account make no more deals for an own model; ``running`` has the vaults refuse its earlier deals as well.

    Raises InputRefused where nothing would be refused: everybody may buy, and ``running`` is not asked for.
    """
    policies = await _own_policies(conn, offers)
    if not policies and not running:
        raise InputRefused("everybody may buy this model; grant it to somebody first, or revoke with running deals.")
    block = 0
    for access in policies:
        block = max(block, (await access.revoke(conn.wallet, account)).block_number)
    unreached = tuple(
        f"an offer at {order.datasetprice} nRLC is open to everybody; grant the model to somebody to close it."
        for order, _ in offers
        if order.requesterrestrict == ZERO_ADDRESS
    )
    if running:
        policy = await policy_of(conn, model)
        refused = tuple(dict.fromkeys((*policy.refused, account)))
        done = await set_policy(conn, msgspec.structs.replace(policy, refused=refused))
        unreached += done.unreached
    delay = 0 if running else CONTRIBUTION_DEADLINE_RATIO * await _longest_time_reference(conn)
    return RevokeResult(model, account, tuple(each.address for each in policies), block, delay, unreached)


async def _own_policies(conn: Connection, offers: Offers) -> list[AccessPolicy]:
    named = {order.requesterrestrict for order, _ in offers} - {ZERO_ADDRESS}
    return [AccessPolicy(conn.node, each) for each in sorted(named) if await _is_own(conn, each)]


async def _is_own(conn: Connection, contract: Address) -> bool:
    try:
        return await AccessPolicy(conn.node, contract).owner() == conn.address
    except ChainError:  # an account, or a group of another kind
        return False


async def _let_vaults(conn: Connection, model: Address, account: Address, app: Address | None) -> tuple[str, ...]:
    policy = await policy_of(conn, model)
    wanted = await _allowing(conn, policy, app)
    wanted = msgspec.structs.replace(wanted, refused=tuple(each for each in policy.refused if each != account))
    return () if wanted == policy else (await set_policy(conn, wanted)).unreached


async def _allowing(conn: Connection, policy: Policy, app: Address | None) -> Policy:
    assets = Assets(conn.hub)
    if app is None or await assets.checksum("App", app) in {each.app for each in policy.allowed}:
        return policy
    output = max((each.output_bytes for each in policy.allowed), default=publish.OUTPUT_BYTES)
    more = await publish.allowances(conn, assets, [app], output, callback=False)
    return msgspec.structs.replace(policy, allowed=(*policy.allowed, *more))


async def _longest_time_reference(conn: Connection) -> int:
    count = await conn.hub.count_categories()
    return max([(await conn.hub.view_category(each)).timeref for each in range(count)], default=0)
