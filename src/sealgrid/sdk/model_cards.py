"""A model's card: its owner's public description, as Markdown in the header of the sealed file.

The chain has the file's SHA-256, so the card is as immutable as the model.
"""

import io

from sealgrid.crypto.container import read_header
from sealgrid.crypto.container_header import FIXED_BYTES, MAX_METADATA
from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.storage.file_store import NO_LIMIT, VerifyingReader
from sealgrid.units import Digest


def encode_card(card: str) -> bytes:
    """Return a card as header bytes; raise InputRefused for more than 64 KiB."""
    content = card.encode(errors="replace")
    if len(content) > MAX_METADATA:
        raise InputRefused(f"a model's card has at most {MAX_METADATA} bytes; this one has {len(content)}.")
    return content


async def read_card(storage: VerifyingReader, checksum: Digest, limit: int = NO_LIMIT) -> str:
    """Return the card of a sealed file, or an empty text; the whole file is read to verify its digest.

    Raises NotFound for a missing file, InputRefused for one of more than ``limit`` bytes.
    """
    head = b""
    async for piece in storage.verified_pieces(checksum, limit):
        head += piece[: FIXED_BYTES + MAX_METADATA - len(head)]
    try:
        return read_header(io.BytesIO(head)).metadata.decode(errors="replace")
    except ContainerRefused:  # a file of iExec's format has no card
        return ""
