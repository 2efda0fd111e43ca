"""Names of this account's apps and models on the chain, and the name of the next version."""

import asyncio
from dataclasses import dataclass

from sealgrid.chain.assets import Assets
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.asset_names import next_version, parse_name
from sealgrid.units import Address, Digest


@dataclass(frozen=True, slots=True)
class OwnAsset:
    """An app or model of this account."""

    address: Address
    name: str  #: on the chain
    checksum: Digest


async def own_assets(conn: Connection, kind: AssetKind) -> tuple[OwnAsset, ...]:
    """Return all apps or models of this account, offered or not.

    Includes those that strangers registered for it or transferred to it.
    """
    addresses = await Assets(conn.hub).owned(kind, conn.address)
    facts = await asyncio.gather(*(conn.asset_facts.read(kind, each) for each in addresses))
    return tuple(OwnAsset(address, fact.name, fact.checksum) for address, fact in zip(addresses, facts, strict=True))


async def next_name(conn: Connection, kind: AssetKind, base: str, *, checksum: Digest | None = None) -> str:
    """Return the name under which this account registers an asset: ``base``, or the next version of it.

    ``base`` is as of ``check_name``, or the base of a name on the chain, which other clients choose freely. An asset
    with this ``checksum`` and name exists already under the name returned. Raises InputRefused after the last version.
    """
    owned = await own_assets(conn, kind)
    same = [each.name for each in owned if each.checksum == checksum and parse_name(each.name).base == base]
    return same[0] if same else str(next_version(base, (each.name for each in owned)))
