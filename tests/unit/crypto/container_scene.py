"""One sealed file of three chunks, and the number of its refusal."""

import pytest

from sealgrid.crypto.container import open_bytes, seal_bytes
from sealgrid.crypto.container_header import MIN_CHUNK
from sealgrid.errors import ContainerRefused

DEK = b"\x07" * 32
KEY_ID = b"model-key-000001"
PLAIN = b"a" * MIN_CHUNK + b"b" * MIN_CHUNK + b"tail"
METADATA = b"m" * 5


def sealed_from(plaintext=PLAIN, salt=1):
    return seal_bytes(
        plaintext,
        dek=DEK,
        key_id=KEY_ID,
        metadata=METADATA,
        chunk_size=MIN_CHUNK,
        random=lambda size: bytes([salt]) * size,
    )


SEALED = sealed_from()


def refusal(sealed, dek=DEK):
    with pytest.raises(ContainerRefused) as refused:
        open_bytes(bytes(sealed), dek)
    return refused.value.check
