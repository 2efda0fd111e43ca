"""Where an asset is said to be: text as we write it, or the binary multiaddr that iExec's SDK makes of ``/ipfs/…``."""

from typing import Final

from sealgrid.crypto.digests import cid_of
from sealgrid.crypto.unixfs import base58
from sealgrid.units import to_digest

_SHA256: Final = b"\x12\x20"  #: multihash: SHA-256, 32 bytes
_IPFS: Final = b"\xa5\x03\x22" + _SHA256  #: protocol 421 (p2p, once ipfs), 34 bytes, which are the multihash


def to_text(raw: bytes, *, whole: bool) -> str:
    """Return a multiaddr as text; bytes that are no UTF-8 are marked where they break.

    iExec's SDK keeps only the multihash of a content address, whatever the address said about the content. ``whole``
    says that the content is one raw block, as every bundle is; else the multihash is read as a CIDv0.
    """
    if raw[: len(_IPFS)] != _IPFS or len(raw) != len(_IPFS) + 32:
        return raw.decode(errors="replace")
    digest = raw[len(_IPFS) :]
    return f"/ipfs/{cid_of(to_digest(digest)) if whole else base58(_SHA256 + digest)}"
