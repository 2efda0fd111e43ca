"""A model's card is in its sealed file's header: public, bounded, and what its owner signed or the checksum says."""

import asyncio
import hashlib
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.crypto import container
from sealgrid.crypto.container_header import FIXED_BYTES, MAX_METADATA
from sealgrid.crypto.signing import Domain, ExternalKey, SigningKey
from sealgrid.errors import ContentDiffers, InputRefused
from sealgrid.sdk.model_cards import CardDocument, CardSubject, ModelCard, encode_card, read_card, signed_card
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.units import to_address

OWNER = SigningKey.from_bytes(b"\x11" * 32)
STRANGER = SigningKey.from_bytes(b"\x22" * 32)
DOMAIN = Domain(chain=31337, broker=to_address(b"\xbb" * 20))
SUBJECT = CardSubject(OWNER.address, "faces", DOMAIN)
SIGNATURE = ModelSignature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 3, None)),),
    outputs=(TensorSpec(name="y", dtype="float32", shape=(None, 2), classes=("cat", "dog")),),
    checked="inference",
)


class MemoryFiles(VerifyingReader):
    """A store in memory that returns what a test put there, whatever its digest, and counts the bytes that it gave."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent = 0

    async def pieces(self, sha256):
        for start in range(0, len(self.files[sha256]), 1000):
            yield await self.read(sha256, start, 1000)

    async def read(self, sha256, offset, length):
        piece = self.files[sha256][offset : offset + length]
        self.sent += len(piece)
        return piece

    def put(self, content: bytes) -> str:
        checksum = "0x" + hashlib.sha256(content).hexdigest()
        self.files[checksum] = content
        return checksum


def stored(metadata: bytes, content: bytes = b"weights") -> tuple[MemoryFiles, str]:
    sealed = io.BytesIO()
    container.seal(io.BytesIO(content), sealed, dek=b"k" * 32, size=len(content), key_id=b"i" * 16, metadata=metadata)
    files = MemoryFiles()
    return files, files.put(sealed.getvalue())


def plain(text: str) -> bytes:
    return encode_card(ModelCard(text), SUBJECT, OWNER)


def signed(text: str = "# Faces", key: SigningKey = OWNER, subject: CardSubject = SUBJECT) -> bytes:
    return encode_card(ModelCard(text, SIGNATURE), subject, key)


@given(st.text(max_size=300))
def test_anybody_reads_the_card_that_the_owner_wrote(text):
    files, checksum = stored(plain(text))
    assert asyncio.run(read_card(files, checksum, SUBJECT)) == ModelCard(text.encode(errors="replace").decode())


@given(st.text(max_size=300))
def test_anybody_reads_the_signature_beside_it(text):
    files, checksum = stored(signed(text))
    assert asyncio.run(read_card(files, checksum, SUBJECT)) == ModelCard(
        text.encode(errors="replace").decode(), SIGNATURE
    )


async def test_a_signed_card_is_read_without_the_model():
    files, checksum = stored(signed(), b"w" * (5 << 20))
    assert (await signed_card(files, checksum, SUBJECT)).signature == SIGNATURE
    assert files.sent <= FIXED_BYTES + MAX_METADATA


async def test_a_card_is_at_most_64_kib():
    files, checksum = stored(plain("x" * 65536), b"w" * 10_000)
    assert len((await read_card(files, checksum, SUBJECT)).text) == 65536
    with pytest.raises(InputRefused, match="at most 65536 bytes"):
        plain("é" * 40_000)
    with pytest.raises(InputRefused, match="at most 65536 bytes"):
        signed("x" * 65536)


async def test_a_file_that_is_no_sealed_one_has_no_card():
    files = MemoryFiles()
    assert await read_card(files, files.put(b"iv" * 8 + b"anything at all"), SUBJECT) == ModelCard()


async def test_no_store_can_show_another_text():
    files, checksum = stored(plain("mine"))
    other, lie = stored(plain("theirs"))
    files.files[checksum] = other.files[lie]
    with pytest.raises(ContentDiffers):
        await read_card(files, checksum, SUBJECT)


OTHER_DOMAIN = Domain(chain=1, broker=DOMAIN.broker)


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        (STRANGER, SUBJECT),
        (STRANGER, CardSubject(STRANGER.address, "faces", DOMAIN)),
        (OWNER, CardSubject(OWNER.address, "cars", DOMAIN)),
        (OWNER, CardSubject(OWNER.address, "faces", OTHER_DOMAIN)),
    ],
    ids=["another key", "another owner", "another model", "another network"],
)
async def test_a_signature_that_the_owner_did_not_sign_for_this_model_is_none(key, subject):
    files, checksum = stored(signed("# Faces", key, subject))
    assert await signed_card(files, checksum, SUBJECT) is None
    assert await read_card(files, checksum, SUBJECT) == ModelCard("# Faces")


async def test_a_changed_signature_is_none():
    document = msgspec.json.decode(signed(), type=CardDocument)
    changed = msgspec.structs.replace(document, signature=msgspec.structs.replace(SIGNATURE, outputs=()))
    files, checksum = stored(msgspec.json.encode(changed))
    assert await signed_card(files, checksum, SUBJECT) is None


def test_an_account_of_an_external_wallet_publishes_no_signature():
    external = ExternalKey(OWNER.address)
    assert encode_card(ModelCard("text"), SUBJECT, external) == b"text"
    with pytest.raises(InputRefused, match="withhold_signature"):
        signed(key=external)
