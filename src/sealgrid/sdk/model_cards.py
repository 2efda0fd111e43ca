"""A model's card: its owner's public text and the model's signature, in the header of the sealed file.

A card of the first form is Markdown alone. One with a signature is a JSON document (``sealgrid/card/2``) that its owner
signs, so the header alone verifies. The chain has the file's SHA-256: both are as immutable as the model.
"""

import asyncio
import io
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from sealgrid.attestation.field_types import HexAddress
from sealgrid.attestation.statements import Card
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.chain.assets import Assets
from sealgrid.crypto.container import read_header
from sealgrid.crypto.container_header import FIXED_BYTES, MAX_METADATA
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ContainerRefused, InputRefused, NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.storage.file_store import NO_LIMIT, VerifyingReader
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address, Digest, to_digest

HexSignature = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-f]{130}\Z")]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A verified card."""

    text: str = ""  #: Markdown, the owner's words
    signature: ModelSignature | None = None  #: signed by the owner; None where the owner published none


@dataclass(frozen=True, slots=True)
class CardSubject:
    """The model that a card describes, as the chain registers it."""

    owner: Address
    name: str
    domain: Domain  #: of the network's signed statements


class CardDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card with a signature, as a sealed file contains it; not verified."""

    schema: Literal["sealgrid/card/2"] = "sealgrid/card/2"
    text: str
    signature: ModelSignature
    owner: HexAddress
    owner_signature: HexSignature | Literal[""] = ""  #: over the ``Card`` statement

    def statement(self, name: str) -> Card:
        """Return the statement that the owner signs: of this document without ``owner_signature``."""
        unsigned = canonical(msgspec.structs.replace(self, owner_signature=""))
        return Card(owner=self.owner, name=name, content=to_digest(sha256(unsigned)))

    def is_signed_by_owner(self, subject: CardSubject) -> bool:
        """Return whether the owner that the chain names signed this card for this model."""
        proof = bytes.fromhex(self.owner_signature.removeprefix("0x"))
        return self.owner == subject.owner and self.statement(subject.name).is_signed_by(
            subject.owner, subject.domain, proof
        )


def encode_card(card: ModelCard, subject: CardSubject, key: SigningKey) -> bytes:
    """Return a card as header bytes, signed by ``key`` if it has a signature.

    Raises InputRefused for more than 64 KiB, and for a key that an external wallet holds.
    """
    text = card.text.encode(errors="replace")
    content = text if card.signature is None else _signed(text.decode(), card.signature, subject, key)
    if len(content) > MAX_METADATA:
        raise InputRefused(
            f"a model's card with its signature has at most {MAX_METADATA} bytes; this one has {len(content)}."
        )
    return content


def _signed(text: str, signature: ModelSignature, subject: CardSubject, key: SigningKey) -> bytes:
    document = CardDocument(text=text, signature=signature, owner=subject.owner)
    proof = document.statement(subject.name).sign(subject.domain, key)
    if not proof:
        raise InputRefused("this account's key is in an external wallet; publish with withhold_signature.")
    return canonical(msgspec.structs.replace(document, owner_signature="0x" + proof.hex()))


async def signed_card(storage: RemoteFiles, checksum: Digest, subject: CardSubject) -> ModelCard | None:
    """Return the card that the owner signed, from the sealed file's header alone; None without one.

    Raises NotFound for a missing file. A store can answer only with another card that this owner signed for a model of
    this name.
    """
    document = _document(_metadata(await storage.read(checksum, 0, FIXED_BYTES + MAX_METADATA)))
    if document is None or not document.is_signed_by_owner(subject):
        return None
    return ModelCard(document.text, document.signature)


async def read_card(storage: RemoteFiles, checksum: Digest, subject: CardSubject, limit: int = NO_LIMIT) -> ModelCard:
    """Return the card of a sealed file; a file of iExec's format has an empty one.

    Without the owner's signature the whole file is read, to verify its digest. Raises NotFound for a missing file,
    InputRefused for one of more than ``limit`` bytes that must be read whole.
    """
    if (card := await signed_card(storage, checksum, subject)) is not None:
        return card

    async def read_head(copy: VerifyingReader) -> bytes:
        head = b""
        async for piece in copy.verified_pieces(checksum, limit):
            head += piece[: FIXED_BYTES + MAX_METADATA - len(head)]
        return head

    metadata = _metadata(await storage.try_copies(read_head))
    document = _document(metadata)
    return ModelCard(metadata.decode(errors="replace") if document is None else document.text)


async def card_of(conn: Connection, model: Address, limit: int = NO_LIMIT) -> ModelCard:
    """Return the card of a registered model; raises like ``read_card``."""
    return await read_card(conn.storage, *await _subject(conn, model), limit)


async def signature_of(conn: Connection, model: Address) -> ModelSignature | None:
    """Return the signature that a model's owner published; None without one, and while its file cannot be read."""
    try:
        card = await signed_card(conn.storage, *await _subject(conn, model))
    except (NotFound, ServiceUnavailable):
        return None
    return None if card is None else card.signature


async def _subject(conn: Connection, model: Address) -> tuple[Digest, CardSubject]:
    facts, owner = await asyncio.gather(conn.asset_facts.read("Dataset", model), Assets(conn.hub).owner(model))
    return facts.checksum, CardSubject(owner, facts.name, conn.domain)


def _metadata(head: bytes) -> bytes:
    try:
        return read_header(io.BytesIO(head)).metadata
    except ContainerRefused:  # a file of iExec's format has no card
        return b""


def _document(metadata: bytes) -> CardDocument | None:
    try:
        return msgspec.json.decode(metadata, type=CardDocument)
    except (msgspec.DecodeError, UnicodeDecodeError):  # Markdown alone
        return None
