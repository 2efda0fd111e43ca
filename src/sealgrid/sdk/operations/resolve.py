"""Resolve names of apps, models and accounts to addresses.

Names on the chain are not unique: anyone can call an app "onnx-runner". The name of a shipped app therefore means the
code in this package, by its digest; any other name is accepted only if exactly one asset has it.
"""

import asyncio

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.resources.offers import AssetRef, Offer, open_offers
from sealgrid.units import Address

_NOUN = {"App": "app", "Dataset": "model"}


async def find_app(conn: Connection, app: AssetRef, *, model: Address | None = None, own: bool = False) -> Address:
    """Return an app's address; if several accounts offer a shipped app, one to which ``model`` is offered.

    With ``own`` a plain name selects only apps of this account, so that a secret is never given to a stranger's app.
    Raises NotFound for an unknown app, OrderRefused when it is not offered.
    """
    if (address := _address(app)) is not None:
        return await _check_registered(conn, "App", address)
    name = str(app)
    offers = await open_offers(conn, "App")
    if shipped_apps.app_folder(name) is not None:
        digest = (await asyncio.to_thread(shipped_bundle, name, conn.network.python)).app_digest
        shipped = [offer.address for offer in offers if offer.digest == digest]
        if not shipped:
            raise OrderRefused(
                f"the app {name!r} is not offered on this network; offer it with: sealgrid app deploy {name}"
            )
        if model is None:
            return shipped[0]
        allowed = {offer.app for offer in await open_offers(conn, "Dataset", model)}
        return next((address for address in shipped if address in allowed), shipped[0])
    matches = [offer for offer in offers if offer.name == name]
    own_matches = [offer for offer in matches if offer.owner == conn.address]
    if own and matches and not own_matches:
        raise InputRefused(f"the app {name!r} belongs to another account, and names are not unique; give its address.")
    return _single(own_matches if own else matches, "App", name)


async def find_model(conn: Connection, model: AssetRef, *, own: bool = False) -> Address:
    """Return a model's address; ``own`` selects only this account's models. Raises like ``find_app``."""
    if (address := _address(model)) is not None:
        return await _check_registered(conn, "Dataset", address)
    matches = [offer for offer in await open_offers(conn, "Dataset") if offer.name == str(model)]
    if own:
        matches = [offer for offer in matches if offer.owner == conn.address]
    return _single(matches, "Dataset", str(model))


def find_account(conn: Connection, account: str) -> Address:
    """Return an account's address: an address or, on a local network, the name of a development account.

    Raises InputRefused for any other text.
    """
    if conn.network.has_development_accounts and account in NAMES:
        return development_key(account).address
    try:
        return parse_address(account)
    except ValueError as error:
        raise InputRefused(f"{account[:80]!r} is not an account; give its address, 0x and 40 hex digits.") from error


def is_shipped(app: AssetRef) -> bool:
    """Return whether this is the name of a shipped app."""
    return isinstance(app, str) and _address(app) is None and shipped_apps.app_folder(app) is not None


def _address(asset: AssetRef) -> Address | None:
    if not isinstance(asset, str):
        return asset.address
    try:
        return parse_address(asset)
    except ValueError:
        return None


async def _check_registered(conn: Connection, kind: AssetKind, address: Address) -> Address:
    if not await Assets(conn.hub).is_registered(kind, address):
        raise NotFound(f"no {_NOUN[kind]} is registered at {address} on this network.")
    return address


def _single(offers: list[Offer], kind: AssetKind, name: str) -> Address:
    addresses = sorted({offer.address for offer in offers})
    if not addresses:
        raise OrderRefused(
            f"nobody offers {'an app' if kind == 'App' else 'a model'} called {name!r} right now; "
            "it may be sold out: ask its owner."
        )
    if len(addresses) > 1:
        raise InputRefused(
            f"{len(addresses)} {_NOUN[kind]}s are called {name!r}; give an address: {', '.join(addresses)}."
        )
    return addresses[0]
