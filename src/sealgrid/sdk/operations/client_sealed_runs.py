"""Buy a run whose input was sealed elsewhere, by whoever alone has its keys: a browser with a wallet of its own.

What is known here is ciphertext, digests, commitments and public keys; everything else stays with the buyer.
"""

from dataclasses import dataclass

import msgspec

from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.shares import KeyRecord, record_from_commitments
from sealgrid.errors import InputRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder, from_document
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import nothing_bought_before
from sealgrid.sdk.operations.buy import grant_of, name_of, params_of
from sealgrid.sdk.operations.deal_terms import DealOrders, RunRequest, offers_for, terms_of
from sealgrid.sdk.operations.manifests import expect_runnable
from sealgrid.sdk.operations.preview import expect_release
from sealgrid.sdk.progress import ProgressStep
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_bytes

Document = dict[str, str]


class ClientSealedInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a buyer tells of an input that it sealed, and of what it wants to run on it."""

    app: Address
    model: Address = ZERO_ADDRESS
    sha256: Digest  #: of the sealed input
    commitments: tuple[Digest, ...]  #: to the shares of its key, in the vaults' order
    result_key: Digest  #: the X25519 public key's 32 bytes
    pool: str = ""  #: where computing is bought, as ``Client.run`` takes it


@dataclass(frozen=True, slots=True)
class PreparedPurchase:
    """What the buyer is to sign, and the task that follows from it."""

    terms: DealOrders  #: the request is unsigned
    grant: InputGrant
    record: KeyRecord
    deal: DealId
    task: TaskId
    why: str  #: the pool was chosen; empty for a pinned one


async def prepare(conn: Connection, sealed: ClientSealedInput) -> PreparedPurchase:
    """Choose the cheapest offers and write what the account of ``conn`` is to sign for one run on them.

    Raises OrderRefused when nobody offers what is wanted, InputRefused while the escrow does not hold its price,
    InterpreterMismatch for an app that is built for another Python than this network runs apps on.
    """
    with nothing_bought_before(()):
        return await _prepared(conn, sealed)


async def _prepared(conn: Connection, sealed: ClientSealedInput) -> PreparedPurchase:
    said: list[ProgressStep] = []
    await expect_runnable(conn, sealed.app)
    offers = await offers_for(conn, sealed.app, sealed.model, 1, category=None, pool=sealed.pool, progress=said.append)
    params = params_of(sealed.sha256, to_bytes(sealed.result_key, 32))
    terms = terms_of(conn, offers, RunRequest(params, ZERO_ADDRESS, 1, None))
    await _expect_money(conn, terms.price)
    grant, network = await grant_of(conn, sealed.sha256, terms), conn.network
    record = record_from_commitments(
        hub=network.hub,
        asset=name_of(sealed.sha256),
        owner=conn.address,
        version=1,
        file_sha256=sealed.sha256,
        t=network.threshold,
        vaults=conn.vault_addresses,
        commitments=sealed.commitments,
    )
    deal = deal_id(grant.request, 0)  # no use of this request was ever consumed: its salt is fresh
    return PreparedPurchase(
        terms, grant, record, deal, task_id(deal, 0), "".join(step.what for step in said if step.lasting)
    )


async def match(conn: Connection, orders: tuple[Document, Document, Document, Document]) -> None:
    """Send app, dataset, workerpool and request as one deal, each signed by its side.

    Raises DealRefused when the vaults would refuse what it buys.
    """
    app, dataset, workerpool, request = orders
    terms = DealOrders(
        from_document(AppOrder, app),
        from_document(DatasetOrder, dataset),
        from_document(WorkerpoolOrder, workerpool),
        from_document(RequestOrder, request),
    )
    with nothing_bought_before(()):
        await expect_release(conn, terms)
    await conn.hub.send_match(conn.wallet, terms.app, terms.dataset, terms.workerpool, terms.request)


async def _expect_money(conn: Connection, price: int) -> None:
    free = (await conn.hub.account(conn.address)).stake
    if free < price:
        raise InputRefused(f"the run costs {Amount(price)}, and {Amount(free)} are free in escrow; deposit first.")
