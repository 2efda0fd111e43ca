"""Carries out a form: signs with the visitor's development key, or returns the steps for an external wallet to sign."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response

from sealgrid.chain.wallet import UnsignedTransaction
from sealgrid.crypto.signing import Statement
from sealgrid.crypto.typed_data_json import wallet_typed_data
from sealgrid.errors import InputRefused
from sealgrid.poco.constants import ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, from_document
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.external_wallet import Step, UnsignedOrder, UnsignedPolicy, UnsignedRemoval, recording_connection
from sealgrid.sdk.stores.home import home
from sealgrid.units import Address
from sealgrid.web.site import Site, WebRequest, join_sentences
from sealgrid.wire.server import json_response

WALLET_HEADER: Final = "x-sealgrid-wallet"  #: set by wallet.js: the reply may be JSON with steps to sign
_NO_HOME: Final = "/nonexistent/sealgrid"  #: data folder of an external wallet's client, which stores no keys here


@dataclass(frozen=True, slots=True)
class SigningSession:
    """The client of one form's request, for the visitor's account."""

    site: Site
    client: AsyncClient
    address: Address
    steps: list[Step] | None  #: for the external wallet to sign; None if the development key has signed already

    async def finish(self, path: str, *sentences: str) -> Response[Any]:
        """Redirect to ``path`` and show the sentences there; with an external wallet, after it signed the steps."""
        if self.steps is None:
            return await self.site.redirect_when_indexed(path, *sentences)
        return plan_reply(self.site, self.address, self.steps, path, *sentences)


async def signing_session(site: Site, request: WebRequest) -> SigningSession:
    """Open a session for the visitor's account.

    Raises InputRefused for an external wallet without wallet.js, and for a visitor without a wallet.
    """
    address = site.wallet_address(request)
    if address is None:
        client = await site.client(request)
        return SigningSession(site, client, client.account.address, None)
    if WALLET_HEADER not in request.headers:
        raise InputRefused("your wallet signs through this page's script; enable scripts or use the command line.")
    conn, steps = recording_connection(site.conn, address)
    return SigningSession(site, AsyncClient(conn, home(_NO_HOME)), address, steps)


def plan_reply(site: Site, address: Address, steps: list[Step], path: str, *sentences: str) -> Response[bytes]:
    """Return the steps that wallet.js passes to the wallet, the page to open then, and the notice to show there."""
    documents = [step_document(site, address, step) for step in steps]
    return json_response({"steps": documents, "next": path, "notice": join_sentences(sentences)})


def step_document(site: Site, sender: Address, step: Step) -> dict[str, Any]:
    """Return one step as wallet.js reads it."""
    match step:
        case UnsignedTransaction():
            call = {"from": sender, "data": "0x" + step.data.hex(), "value": hex(step.value)}
            transaction = call if step.to is None else call | {"to": step.to}
            return {"action": "send", "label": step.action, "transaction": transaction, "creates": step.creates}
        case UnsignedOrder():
            order: AppOrder | DatasetOrder = (
                from_document(AppOrder, step.order)
                if step.kind == "apporders"
                else from_document(DatasetOrder, step.order)
            )
            label = f"Signing the offer of {order.volume} uses at {Amount(order.price)}"
            typed = order_typed_data(site, order)
            return {"action": "offer", "label": label, "kind": step.kind, "order": step.order, "typed": typed}
        case UnsignedPolicy():
            typed = statement_typed_data(site, step.policy)
            return {
                "action": "policy",
                "label": "Signing the policy for the vaults",
                "policy": step.policy,
                "typed": typed,
            }
        case UnsignedRemoval():
            typed = statement_typed_data(site, step.removal)
            label = "Signing the removal of the sealed file"
            return {"action": "removal", "label": label, "removal": step.removal, "typed": typed}


def statement_typed_data(site: Site, statement: Statement) -> dict[str, Any]:
    """Return the EIP-712 typed data of a Sealgrid statement on this network."""
    network = site.network
    return wallet_typed_data(statement, name="Sealgrid", version="1", chain=network.chain, contract=network.broker)


def order_typed_data(site: Site, order: Order) -> dict[str, Any]:
    """Return the EIP-712 typed data of a PoCo order on this network."""
    network, name, version = site.network, ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
    return wallet_typed_data(order, name=name, version=version, chain=network.chain, contract=network.hub)
