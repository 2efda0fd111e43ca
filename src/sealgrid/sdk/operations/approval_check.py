"""Ask the vaults, before anything is bought, whether a model's owner lets this app use it."""

from datetime import UTC, datetime

from sealgrid.chain.assets import Assets
from sealgrid.errors import NotFound, OrderRefused
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.vault_quorum import require
from sealgrid.units import Address, Digest
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import AssetView


async def check_approved(conn: Connection, model: Address, app: Address) -> None:
    """Raise OrderRefused when too many vaults would keep the model's key from this app: its run could never end well.

    Raises ServiceUnavailable when too few of them answer at all.
    """
    assets = Assets(conn.hub)
    owner, code = await assets.owner(model), await assets.checksum("App", app)
    replies = await call_all([vault.asset(model, owner) for vault in conn.vaults], enough=conn.network.threshold)
    refusals = [why for reply in replies if (why := _refusal(reply, code, conn.clock()))]
    if len(refusals) > len(conn.vaults) - conn.network.threshold:
        raise OrderRefused(f"the model {model} cannot be used: {refusals[0]}; ask its owner, {owner}.")
    require([None if isinstance(reply, NotFound) else reply for reply in replies], conn.network.threshold)


def _refusal(reply: AssetView | BaseException, code: Digest, now: float) -> str | None:
    if isinstance(reply, NotFound):
        return "a vault has no key of it"
    if isinstance(reply, BaseException):
        return None
    policy = reply.policy
    if policy is None:
        return "its owner has approved no app"
    if policy.expiry <= now:
        when = datetime.fromtimestamp(policy.expiry, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"its owner's approval expired at {when}"
    if not any(allowed.app == code for allowed in policy.allowed):
        return "its owner has not approved this app"
    return None
