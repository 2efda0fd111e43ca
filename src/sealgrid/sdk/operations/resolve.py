"""Resolve references to apps, models and accounts to addresses.

Names on the chain are not unique: anyone can call an app "onnx-runner". The name of a shipped app therefore means the
code in this package, by its digest. Any other name selects, in this order:

1. the assets of this account that it offers;
2. the models that the app at hand may use;
3. the assets of the account that the reference names (``ACCOUNT/NAME``).

Of several versions the newest is selected, unless the reference names one (``NAME@2``).

Anyone can register an asset for this account, or transfer one to it, under any name. Only an open offer, which this
account signed, shows that an asset is its own. Among assets without one a name must be unambiguous.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.asset_names import AssetReference, parse_name, parse_reference, similar_names
from sealgrid.sdk.operations.build import shipped_app_digests
from sealgrid.sdk.operations.newer_versions import announce_newer
from sealgrid.sdk.operations.own_names import own_assets
from sealgrid.sdk.progress import Progress, ignore_progress
from sealgrid.sdk.resources.offers import AssetRef, Offer, open_offers
from sealgrid.units import ZERO_ADDRESS, Address

_NOUN = {"App": "app", "Dataset": "model"}
_LISTED = 5  #: addresses in an error


@dataclass(frozen=True, slots=True)
class _Candidate:
    address: Address
    name: str  #: on the chain
    owner: Address


async def find_app(conn: Connection, app: AssetRef, *, own: bool = False) -> Address:
    """Return an app's address, offered or an own one.

    With ``own`` a plain name selects only apps of this account, so a secret is never given to a stranger's app.
    Raises NotFound for an unknown app, OrderRefused when it is not offered, InputRefused for a name of several apps.
    """
    if (address := _address(app)) is not None:
        return await _check_registered(conn, "App", address)
    offers = await open_offers(conn, "App")
    if is_shipped(app):
        return (await _shipped(conn, str(app), offers))[0]
    return await _select(conn, "App", parse_reference(str(app)), offers, own=own)


async def find_model(conn: Connection, model: AssetRef, *, own: bool = False) -> Address:
    """Return a model's address, offered or an own one; ``own`` selects only this account's.

    Raises like ``find_app``.
    """
    if (address := _address(model)) is not None:
        return await _check_registered(conn, "Dataset", address)
    offers = await open_offers(conn, "Dataset")
    return await _select(conn, "Dataset", parse_reference(str(model)), offers, own=own)


async def find_offered(
    conn: Connection, app: AssetRef, model: AssetRef | None = None, on_progress: Progress = ignore_progress
) -> tuple[Address, Address]:
    """Return the addresses of an offered app and model for a run; the zero address without a model.

    Of several accounts that offer a shipped app, one to which the model is offered is selected. ``on_progress`` gets a
    lasting step when the owner of the app or the model offers a newer version than the named one. Raises like
    ``find_app``.
    """
    apps = await _offered_apps(conn, app)
    if not is_shipped(app) and _names_version(app):
        await announce_newer(conn, "App", apps[0], on_progress)
    if model is None:
        return apps[0], ZERO_ADDRESS
    chosen, address = await _app_and_model(conn, apps, model)
    if _names_version(model):
        await announce_newer(conn, "Dataset", address, on_progress)
    return chosen, address


async def _app_and_model(conn: Connection, apps: Sequence[Address], model: AssetRef) -> tuple[Address, Address]:
    if (address := _address(model)) is not None:
        await _check_registered(conn, "Dataset", address)
        offers = await open_offers(conn, "Dataset", address)
    else:
        reference, offers = parse_reference(str(model)), await open_offers(conn, "Dataset")
        matches = [each for each in offers if reference.selects(each.name)]
        owned = [each for each in matches if each.owner == conn.address]
        fitting = [each for each in matches if each.app is None or each.app in apps]
        if not matches and await _is_own(conn, reference):
            address = await _select(conn, "Dataset", reference, ())  # off the market; the purchase says what is missing
        else:
            address = await _select(conn, "Dataset", reference, owned or fitting or offers, offered=True)
    allowed = {each.app for each in offers if each.address == address}
    return next((each for each in apps if each in allowed), apps[0]), address


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


async def _shipped(conn: Connection, name: str, offers: Iterable[Offer]) -> list[Address]:
    digests = await asyncio.to_thread(shipped_app_digests, name, conn.network.python)
    shipped = [offer.address for offer in offers if offer.digest in digests]
    if not shipped:
        raise OrderRefused(
            f"the app {name!r} is not offered on this network; offer it with: sealgrid app deploy {name}"
        )
    return shipped


async def _offered_apps(conn: Connection, app: AssetRef) -> list[Address]:
    if (address := _address(app)) is not None:
        return [await _check_registered(conn, "App", address)]
    offers = await open_offers(conn, "App")
    if is_shipped(app):
        return await _shipped(conn, str(app), offers)
    return [await _select(conn, "App", parse_reference(str(app)), offers, offered=True)]


async def _select(
    conn: Connection,
    kind: AssetKind,
    reference: AssetReference,
    offers: Sequence[Offer],
    *,
    own: bool = False,
    offered: bool = False,
) -> Address:
    """Return the one asset that a reference means; with ``offered`` assets without an offer are left out."""
    candidates = [_Candidate(each.address, each.name, each.owner) for each in offers]
    if not offered:
        candidates += [_Candidate(each.address, each.name, conn.address) for each in await own_assets(conn, kind)]
    matches = [each for each in candidates if reference.selects(each.name)]
    if reference.account is not None:
        account = find_account(conn, reference.account)
        matches = [each for each in matches if each.owner == account]
    owned = [each for each in matches if each.owner == conn.address]
    signed = {each.address for each in offers if each.owner == conn.address}
    if on_offer := [each for each in owned if each.address in signed]:
        return _newest(on_offer, kind, reference, offers)
    if own and matches and not owned:
        raise InputRefused(
            f"the {_NOUN[kind]} {reference.base!r} belongs to another account, and names are not unique; "
            "give its address."
        )
    if own and not owned:
        hint = _similar(reference, (each.name for each in candidates if each.owner == conn.address))
        raise OrderRefused(f"this account has no {_NOUN[kind]} called {_text(reference)!r}.{hint}")
    chosen = owned if own else matches
    if owned and len(chosen) == len(owned):
        _check_single(owned, kind, reference)
    return _newest(chosen, kind, reference, offers)


def _check_single(owned: Sequence[_Candidate], kind: AssetKind, reference: AssetReference) -> None:
    """Raise InputRefused for several own assets without an offer: a stranger may have registered one of them."""
    addresses = sorted({each.address for each in owned})
    if len(addresses) > 1:
        raise InputRefused(
            f"{len(addresses)} {_NOUN[kind]}s of this account are called {_text(reference)!r}, and it offers none; "
            f"anyone can register one for it, so give an address: {', '.join(addresses[:_LISTED])}."
        )


def _similar(reference: AssetReference, names: Iterable[str]) -> str:
    similar = similar_names(reference.base, names)
    return f" Did you mean {' or '.join(map(repr, similar))}?" if similar else ""


def _newest(
    matches: Sequence[_Candidate], kind: AssetKind, reference: AssetReference, offers: Iterable[Offer]
) -> Address:
    if not matches:
        raise OrderRefused(
            f"nobody offers {'an app' if kind == 'App' else 'a model'} called {_text(reference)!r} right now; "
            f"it may be sold out: ask its owner.{_similar(reference, (offer.name for offer in offers))}"
        )
    owners = sorted({each.owner for each in matches})
    if len(owners) > 1:
        choices = ", ".join(f"'{owner}/{_text(reference)}'" for owner in owners)
        raise InputRefused(
            f"{len(owners)} accounts have {'an app' if kind == 'App' else 'a model'} called {_text(reference)!r}; "
            f"name the account as well: {choices}."
        )
    newest = max(parse_name(each.name).version for each in matches)
    addresses = sorted({each.address for each in matches if parse_name(each.name).version == newest})
    if len(addresses) > 1:
        raise InputRefused(
            f"{len(addresses)} {_NOUN[kind]}s of one account are called {_text(reference)!r}; "
            f"give an address: {', '.join(addresses)}."
        )
    return addresses[0]


async def _is_own(conn: Connection, reference: AssetReference) -> bool:
    """Return whether a reference may mean a model of this account, offered or not."""
    if reference.account is not None and find_account(conn, reference.account) != conn.address:
        return False
    return any(reference.selects(each.name) for each in await own_assets(conn, "Dataset"))


def _names_version(asset: AssetRef) -> bool:
    """Return whether a reference names one version: an address, or a name with a version."""
    return _address(asset) is not None or parse_reference(str(asset)).version is not None


def _text(reference: AssetReference) -> str:
    return reference.base if reference.version is None else f"{reference.base}@{reference.version}"
