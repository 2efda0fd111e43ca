"""Finish what a form asked for: with a development key that is here, or as steps for the visitor's own wallet."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import MediaType, Response

from sealgrid.chain.recording_wallet import UnsignedTransaction
from sealgrid.crypto.signing import Statement
from sealgrid.crypto.typed_data_json import wallet_typed_data
from sealgrid.errors import InputRefused
from sealgrid.poco.constants import ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, from_document
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.external_wallet import Step, UnsignedOrder, UnsignedPolicy, on_paper
from sealgrid.sdk.operations.reprice import price_of
from sealgrid.sdk.stores.home import home
from sealgrid.units import Address
from sealgrid.web.flash import joined
from sealgrid.web.site import Ask, Site

HEADER = "x-sealgrid-wallet"  #: a page's script says with it that it has the wallet do the steps
NOWHERE = "/nonexistent/sealgrid"  #: the data folder of somebody whose keys and records are not here


@dataclass(frozen=True, slots=True)
class SigningSession:
    """An account that does something on a page."""

    site: Site
    client: AsyncClient
    address: Address
    steps: list[Step] | None  #: what its own wallet is to sign; None where the development key signed already

    async def done(self, path: str, *sentences: str) -> Response[Any]:
        """Send the browser on, or give its wallet the steps after which it goes there and is told the sentences."""
        if self.steps is None:
            return await self.site.done(path, *sentences)
        return planned(self.site, self.address, self.steps, path, *sentences)


async def acting(site: Site, request: Ask) -> SigningSession:
    """Return who acts; raise InputRefused for an own wallet without the page's script, and where there is neither."""
    address = site.wallet(request)
    if address is None:
        client = await site.client(request)
        return SigningSession(site, client, client.account.address, None)
    if HEADER not in request.headers:
        raise InputRefused("your wallet signs through this page's script; switch scripts on, or use the command line.")
    conn, steps = on_paper(site.reader, address)
    return SigningSession(site, AsyncClient(conn, home(NOWHERE)), address, steps)


def planned(site: Site, address: Address, steps: list[Step], path: str, *sentences: str) -> Response[bytes]:
    """Return what a page's script has a wallet sign and send, where it goes then and what that page says."""
    plan = {"steps": [shown(site, address, step) for step in steps], "next": path, "said": joined(sentences)}
    return Response(msgspec.json.encode(plan), media_type=MediaType.JSON, status_code=200)


def shown(site: Site, sender: Address, step: Step) -> dict[str, Any]:
    """Return one step as a page's script takes it."""
    match step:
        case UnsignedTransaction():
            call = {"from": sender, "data": "0x" + step.data.hex(), "value": "0x0"}
            transaction = call if step.to is None else call | {"to": step.to}
            return {"do": "send", "say": step.doing, "transaction": transaction, "creates": step.creates}
        case UnsignedOrder():
            return {"do": "offer", "kind": step.kind, "order": step.order} | _order(site, step)
        case UnsignedPolicy():
            typed = typed_statement(site, step.policy)
            return {"do": "policy", "say": "Signing the policy for the vaults", "policy": step.policy, "typed": typed}


def _order(site: Site, step: UnsignedOrder) -> dict[str, Any]:
    order: AppOrder | DatasetOrder = (
        from_document(AppOrder, step.order) if step.kind == "apporders" else from_document(DatasetOrder, step.order)
    )
    say = f"Signing the offer of {order.volume} uses at {Amount(price_of(order))}"
    return {"say": say, "typed": typed_order(site, order)}


def typed_statement(site: Site, statement: Statement) -> dict[str, Any]:
    """Return a statement of Sealgrid's as a wallet signs it on this network."""
    where = site.network
    return wallet_typed_data(statement, name="Sealgrid", version="1", chain=where.chain, contract=where.broker)


def typed_order(site: Site, order: Order) -> dict[str, Any]:
    """Return an order of PoCo's as a wallet signs it on this network."""
    where, name, version = site.network, ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
    return wallet_typed_data(order, name=name, version=version, chain=where.chain, contract=where.hub)
