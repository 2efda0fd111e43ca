"""Publish a model that was sealed elsewhere, by whoever alone has its key: a browser with a wallet of its own."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.chain.assets import Assets
from sealgrid.crypto.shares import KeyRecord, record_from_commitments
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.publish import OUTPUT_BYTES, allowances, first_policy, sell
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location


class ClientSealedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an owner tells of a file that it sealed and stored, and of how its use is sold."""

    name: str
    app: Address  #: the only app that will ever see it
    sha256: Digest  #: of the sealed file
    commitments: tuple[Digest, ...]  #: to the shares of its key, in the vaults' order
    price: str  #: per use, as a person writes it
    uses: Annotated[int, msgspec.Meta(ge=1, lt=10**9)]


@dataclass(frozen=True, slots=True)
class KeyStatements:
    """What the owner is to sign about its key once the model is registered."""

    model: Address  #: where it will stand, if the owner sends nothing else before
    record: KeyRecord
    policy: Policy


async def plan(conn: Connection, sealed: ClientSealedModel) -> KeyStatements:
    """Register the model and offer its use, as ``models.publish`` does; return what its key still needs.

    Meant for a connection on paper: its key is deposited by the owner, after the first step and before the offer.
    """
    assets, network = Assets(conn.hub), conn.network
    allowed = await allowances(conn, assets, [sealed.app], OUTPUT_BYTES, callback=False)
    model = await assets.send_dataset(
        conn.wallet, name=sealed.name, multiaddr=location(sealed.sha256), checksum=sealed.sha256
    )
    record = record_from_commitments(
        hub=network.hub,
        asset=model,
        owner=conn.address,
        version=1,
        file_sha256=sealed.sha256,
        t=network.threshold,
        vaults=conn.vault_addresses,
        commitments=sealed.commitments,
    )
    await sell(conn, model, price=int(amount(sealed.price)), uses=sealed.uses, app=sealed.app)
    return KeyStatements(model, record, first_policy(conn, model, allowed, direct=False, proved=False))
