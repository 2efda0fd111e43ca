"""Grant and revoke on chain who may buy a model's uses (docs/protocol/access.md)."""

from collections.abc import Callable
from contextlib import suppress
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

Offers = list[tuple[DatasetOrder, int]]  #: open orders, each with its remaining uses


@dataclass(frozen=True, slots=True)
class GrantResult:
    """The granted account, and the offers that were closed to others."""

    model: Address
    account: Address
    until: int | None  #: Unix seconds; None without end of its own
    access: Address  #: the AccessPolicy contract that PoCo consults
    closed: int  #: offers to everybody that were replaced by offers to granted accounts
    unreached: tuple[str, ...]  #: one sentence a step that remains to be done
    policy_expiry: int  #: Unix seconds at which the model's policy ends, and with it every grant


@dataclass(frozen=True, slots=True)
class RevokeResult:
    """The revoked account, and how long its earlier deals may still get the key."""

    model: Address
    account: Address
    access: tuple[Address, ...]  #: AccessPolicy contracts that were changed; none where every account may buy
    block: int  #: from which PoCo refuses; 0 without an AccessPolicy
    worst_delay: int  #: seconds in which an earlier deal may get the key; 0 when the vaults refuse it too
    unreached: tuple[str, ...]  #: one sentence a step that remains to be done


async def read_grants(conn: Connection, restriction: Address) -> tuple[AccessGrant, ...]:
    """Return the accounts that an offer's restriction admits: one account, or the members of an AccessPolicy.

    Token holders and members of other groups cannot be listed.
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
    store: Callable[[DatasetOrder], None],
) -> GrantResult:
    """Allow an account to buy uses of an own model, and exclude accounts without a grant.

    ``app`` restricts the grant to that app's offers and allows the app to use the model. Offers to everybody are signed
    again for granted accounts, then cancelled. Raises NotFound when nothing is for sale.
    """
    if not offers:
        raise NotFound(f"{conn.address} offers no uses of the model {model}; offer some first.")
    chosen = offers if app is None else [each for each in offers if each[0].apprestrict in (app, ZERO_ADDRESS)]
    access = next(iter(await _own_policies(conn, chosen)), None) or await AccessPolicy.deploy(conn.wallet)
    await access.grant(conn.wallet, account, until=FOREVER if until is None else until)
    policy, unreached = await _allow_at_vaults(conn, model, account, app)
    if app is not None and not chosen:
        like = offers[0][0]
        left = sum(left for order, left in offers if terms_of(order) == terms_of(like))
        wider = on_terms_of(like, volume=left, apprestrict=app, requesterrestrict=access.address)
        await offer_in_parts(conn, wider, store=store)
    closed = [each for each in chosen if each[0].requesterrestrict == ZERO_ADDRESS]
    for order, left in closed:
        again = on_terms_of(order, volume=left, requesterrestrict=access.address)
        await sign_and_publish(conn, again, store)
        await conn.hub.cancel(conn.wallet, order)
    count = count_offers(order for order, _ in closed)
    return GrantResult(model, account, until, access.address, count, unreached, policy.expiry)


async def revoke(conn: Connection, model: Address, account: Address, offers: Offers, *, running: bool) -> RevokeResult:
    """Stop an account from making deals for an own model; with ``running`` the vaults refuse its earlier deals too.

    Raises InputRefused when nothing would be refused: every account may buy, and ``running`` is false.
    """
    policies = await _own_policies(conn, offers)
    if not policies and not running:
        raise InputRefused(
            "every account may buy this model; grant it to an account first, or refuse earlier runs too (--running, in "
            "Python running=True)."
        )
    block = 0
    for access in policies:
        block = max(block, (await access.revoke(conn.wallet, account)).block_number)
    unreached = tuple(
        f"an offer at {order.price} nRLC is open to every account; grant the model to an account to close it."
        for order, _ in offers
        if order.requesterrestrict == ZERO_ADDRESS
    )
    if running:
        policy = await policy_of(conn, model)
        refused = tuple(dict.fromkeys((*policy.refused, account)))
        update = await set_policy(conn, msgspec.structs.replace(policy, refused=refused))
        unreached += update.unreached
    delay = 0
    if not running:
        categories = range(await conn.hub.count_categories())
        longest = max([(await conn.hub.view_category(each)).timeref for each in categories], default=0)
        delay = CONTRIBUTION_DEADLINE_RATIO * longest
    return RevokeResult(model, account, tuple(each.address for each in policies), block, delay, unreached)


async def _own_policies(conn: Connection, offers: Offers) -> list[AccessPolicy]:
    restrictions = {order.requesterrestrict for order, _ in offers} - {ZERO_ADDRESS}
    own = []
    for policy in (AccessPolicy(conn.node, each) for each in sorted(restrictions)):
        with suppress(ChainError):  # an account, or a group of another kind
            if await policy.owner() == conn.address:
                own.append(policy)
    return own


async def _allow_at_vaults(
    conn: Connection, model: Address, account: Address, app: Address | None
) -> tuple[Policy, tuple[str, ...]]:
    policy, assets = await policy_of(conn, model), Assets(conn.hub)
    allowed = policy.allowed
    if app is not None and await assets.checksum("App", app) not in {each.app for each in allowed}:
        output = max((each.output_bytes for each in allowed), default=publish.OUTPUT_BYTES)
        allowed = (*allowed, *await publish.allowances(conn, assets, [app], output, callback=False))
    refused = tuple(each for each in policy.refused if each != account)
    changed = msgspec.structs.replace(policy, allowed=allowed, refused=refused)
    return changed, () if changed == policy else (await set_policy(conn, changed)).unreached
