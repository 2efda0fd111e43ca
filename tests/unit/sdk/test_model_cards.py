"""A model's card is in its sealed file's header: public, bounded, and what the file's checksum says."""

import asyncio
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto import container
from sealgrid.errors import ContentDiffers, InputRefused
from sealgrid.sdk.model_cards import encode_card, read_card
from sealgrid.storage.file_store import VerifyingReader


class MemoryFiles(VerifyingReader):
    """A store in memory that returns what a test put there, whatever its digest."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def pieces(self, sha256):
        for start in range(0, len(self.files[sha256]), 1000):
            yield self.files[sha256][start : start + 1000]

    def put(self, content: bytes) -> str:
        checksum = "0x" + hashlib.sha256(content).hexdigest()
        self.files[checksum] = content
        return checksum


def stored(card: str, content: bytes = b"weights") -> tuple[MemoryFiles, str]:
    sealed = io.BytesIO()
    container.seal(
        io.BytesIO(content), sealed, dek=b"k" * 32, size=len(content), key_id=b"i" * 16, metadata=encode_card(card)
    )
    files = MemoryFiles()
    return files, files.put(sealed.getvalue())


@given(st.text(max_size=300))
def test_anybody_reads_the_card_that_the_owner_wrote(card):
    files, checksum = stored(card)
    assert asyncio.run(read_card(files, checksum)) == card.encode(errors="replace").decode()


async def test_a_card_is_at_most_64_kib():
    files, checksum = stored("x" * 65536, b"w" * 10_000)
    assert len(await read_card(files, checksum)) == 65536
    with pytest.raises(InputRefused, match="at most 65536 bytes"):
        encode_card("é" * 40_000)


async def test_a_file_that_is_no_sealed_one_has_no_card():
    files = MemoryFiles()
    assert await read_card(files, files.put(b"iv" * 8 + b"anything at all")) == ""


async def test_no_store_can_show_another_card():
    files, checksum = stored("mine")
    other, lie = stored("theirs")
    files.files[checksum] = other.files[lie]
    with pytest.raises(ContentDiffers):
        await read_card(files, checksum)
