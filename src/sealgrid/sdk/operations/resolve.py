"""Which app or model somebody means.

Names on a chain prove nothing: anybody may call an app "onnx-runner". So the name of a shipped app means the code that
comes with this program, found by its digest; any other name counts only where exactly one asset has it.
"""

import asyncio

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.resources.offers import Named, Offer, open_offers
from sealgrid.units import Address, to_address

_WORD = {"App": "app", "Dataset": "model"}


async def find_app(conn: Connection, app: Named, *, model: Address | None = None, own: bool = False) -> Address:
    """Return an app's address; where several accounts offer a shipped app, one that ``model`` is offered to.

    ``own`` lets a plain name mean only an app of this account: whoever hands over a secret must not follow a name
    that anybody may take. Raises NotFound for an unknown app, OrderRefused when nobody offers it.
    """
    if (address := _address(app)) is not None:
        return await _existing(conn, "App", address)
    name = str(app)
    offers = await open_offers(conn, "App")
    if shipped_apps.app_folder(name) is not None:
        digest = (await asyncio.to_thread(shipped_bundle, name, conn.network.python)).app_digest
        return await _suited(conn, [offer for offer in offers if offer.digest == digest], name, model)
    named = [offer for offer in offers if offer.name == name]
    mine = [offer for offer in named if offer.owner == conn.address]
    if own and named and not mine:
        raise InputRefused(f"the app {name!r} is somebody else's, and anybody may take a name; give its address.")
    return _only(mine if own else named, "App", name)


async def find_model(conn: Connection, model: Named, *, own: bool = False) -> Address:
    """Return a model's address; ``own`` looks among this account's only. Raises as ``find_app``."""
    if (address := _address(model)) is not None:
        return await _existing(conn, "Dataset", address)
    named = [offer for offer in await open_offers(conn, "Dataset") if offer.name == str(model)]
    if own:
        named = [offer for offer in named if offer.owner == conn.address]
    return _only(named, "Dataset", str(model))


def find_person(conn: Connection, person: str) -> Address:
    """Return an account's address, given as one or, on a local network, as a development account's name.

    Raises InputRefused for anything else: a name of one's own account says nothing about somebody else.
    """
    if conn.network.folder and person in NAMES:
        return development_key(person).address
    try:
        return to_address(person.lower())
    except ValueError as error:
        raise InputRefused(f"{person[:80]!r} is no account; give its address, 0x and 40 hex digits.") from error


def is_shipped(app: Named) -> bool:
    """Tell whether this is the name of an app that comes with Sealgrid."""
    return isinstance(app, str) and _address(app) is None and shipped_apps.app_folder(app) is not None


def _address(asset: Named) -> Address | None:
    if not isinstance(asset, str):
        return asset.address
    try:
        return to_address(asset.lower())
    except ValueError:
        return None


async def _existing(conn: Connection, kind: AssetKind, address: Address) -> Address:
    if not await Assets(conn.hub).is_registered(kind, address):
        raise NotFound(f"no {_WORD[kind]} stands at {address} on this network.")
    return address


async def _suited(conn: Connection, offers: list[Offer], name: str, model: Address | None) -> Address:
    if not offers:
        raise OrderRefused(f"nobody offers the app {name!r} on this network; offer it with: sealgrid app deploy {name}")
    if model is None:
        return offers[0].address
    allowed = {offer.app for offer in await open_offers(conn, "Dataset", model)}
    return next((offer.address for offer in offers if offer.address in allowed), offers[0].address)


def _only(offers: list[Offer], kind: AssetKind, name: str) -> Address:
    found = sorted({offer.address for offer in offers})
    if not found:
        raise OrderRefused(
            f"nobody offers {_article(kind)} called {name!r} right now; it may be sold out: ask its owner."
        )
    if len(found) > 1:
        raise InputRefused(f"{len(found)} {_WORD[kind]}s are called {name!r}; give an address: {', '.join(found)}.")
    return found[0]


def _article(kind: AssetKind) -> str:
    return "an app" if kind == "App" else "a model"
