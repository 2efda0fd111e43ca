"""Key shares in messages: a share travels as a SharePart, sealed with HPKE (RFC 9180) where others could read it.

The share's index travels beside the part, because it is public and its recipient checks it first.
"""

from typing import Self

import msgspec

from sealgrid.crypto import hpke
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import Share
from sealgrid.errors import DECODE_ERRORS, ContainerRefused
from sealgrid.wire.message import Message, encode


class SharePart(Message, frozen=True, kw_only=True):
    """The secret part of a share, as deposits, release answers and openings carry it. Its repr shows nothing of it."""

    value: bytes  #: 32 bytes
    blind: bytes  #: 32 bytes

    @classmethod
    def of(cls, share: Share) -> Self:
        """Return the secret part of a share."""
        return cls(value=share.value, blind=share.blind)

    def share(self, index: int) -> Share:
        """Return the share with its index."""
        return Share(index=index, value=self.value, blind=self.blind)

    def __repr__(self) -> str:
        return "SharePart(hidden)"


def seal_share(share: Share, recipient: bytes, info: bytes) -> bytes:
    """Seal a share to an X25519 public key under ``info``; raise ContainerRefused for an invalid key."""
    return hpke.seal(recipient, encode(SharePart.of(share)), info)


def open_share(sealed: bytes, index: int, key: HpkeKey, info: bytes) -> Share:
    """Open a sealed share; raise ContainerRefused unless it opens under ``info`` and contains a SharePart."""
    opened = key.open(sealed, info)
    try:
        return msgspec.json.decode(opened, type=SharePart).share(index)
    except DECODE_ERRORS:
        # Without the cause: decrypted content must not travel in an exception.
        raise ContainerRefused("hpke", "a sealed message does not contain a key share.") from None
