"""The newer version of an app or model, which its owner offers beside the one that a buyer names."""

import asyncio
from typing import Final

from sealgrid.chain.assets import Assets
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.asset_names import parse_name
from sealgrid.sdk.operations.changelog import changelog_of, latest_entry
from sealgrid.sdk.progress import Progress, ProgressStep
from sealgrid.sdk.resources.offers import Offer, open_offers
from sealgrid.units import Address

_NOUN: Final[dict[AssetKind, str]] = {"App": "app", "Dataset": "model"}


async def newer_version(conn: Connection, kind: AssetKind, asset: Address) -> Offer | None:
    """Return the cheapest offer of the newest version of an asset by its owner; None if no version is newer."""
    owner, facts = await asyncio.gather(Assets(conn.hub).owner(asset), conn.asset_facts.read(kind, asset))
    name, newest = parse_name(facts.name), None
    for offer in await open_offers(conn, kind, owner=owner):
        offered = parse_name(offer.name)
        known = name.version if newest is None else parse_name(newest.name).version
        if offered.base == name.base and offered.version > known:
            newest = offer
    return newest


async def announce_newer(conn: Connection, kind: AssetKind, asset: Address, on_progress: Progress) -> None:
    """Report a newer version of an asset that is about to be bought, with the latest entry of an app's changelog."""
    if (newer := await newer_version(conn, kind, asset)) is None:
        return
    changes = latest_entry(await changelog_of(conn, newer.address)) if kind == "App" else ""
    what = f"a newer version of this {_NOUN[kind]} is offered: {newer.name}"
    on_progress(ProgressStep(f"{what} ({changes})" if changes else what, lasting=True))
