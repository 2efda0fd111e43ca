"""A model's card: what its owner says of it in public, as Markdown in the header of its sealed file.

The chain names the file's SHA-256, so a card is as fixed as the model, and no store can change it.
"""

import io

from sealgrid.crypto.container import read_header
from sealgrid.crypto.container_header import FIXED_BYTES, MAX_METADATA
from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.storage.file_store import NO_LIMIT, VerifyingReader
from sealgrid.units import Digest


def encoded(card: str) -> bytes:
    """Return a card as it stands in the header; raise InputRefused for one of more than 64 KiB."""
    content = card.encode(errors="replace")
    if len(content) > MAX_METADATA:
        raise InputRefused(f"a model's card has at most {MAX_METADATA} bytes; this one has {len(content)}.")
    return content


async def card_of(storage: VerifyingReader, checksum: Digest, limit: int = NO_LIMIT) -> str:
    """Return the card of a sealed file, which is read whole to know that it is the file; empty for none.

    Raises NotFound for a file that the store does not have, InputRefused for one of more than ``limit`` bytes.
    """
    head = b""
    async for piece in storage.verified_pieces(checksum, limit):
        head += piece[: FIXED_BYTES + MAX_METADATA - len(head)]
    try:
        return read_header(io.BytesIO(head)).metadata.decode(errors="replace")
    except ContainerRefused:  # a file of iExec's format has no card
        return ""
