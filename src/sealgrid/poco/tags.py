"""The bits of an order's tag (PoCo): features that a task requires of its machine."""

from typing import Final

from sealgrid.units import Digest, to_bytes, to_digest

TEE: Final = 1 << 0  #: an enclave must sign the result
SCONE: Final = 1 << 1
GRAMINE: Final = 1 << 2
TDX: Final = 1 << 3
GPU: Final = 1 << 8

TEE_BIT: Final = to_digest(TEE.to_bytes(32, "big"))  #: a market's filter ``minTag`` for orders of runs in enclaves
NO_TAG: Final = to_digest(bytes(32))
TEE_TAG: Final = to_digest((TEE | TDX).to_bytes(32, "big"))  #: the tag of orders by iExec's SDK 9 and by Sealgrid


def bits(tag: Digest) -> int:
    """Return a tag's bits as a number."""
    return int.from_bytes(to_bytes(tag, 32), "big")


def is_tee(tag: Digest) -> bool:
    """Return whether PoCo requires an enclave's signature for this tag."""
    return bool(bits(tag) & TEE)


def union(*tags: Digest) -> Digest:
    """Return the tag of a deal: the bits of all its orders (npm 6.1.0; 6.2.0 masks the dataset's)."""
    joined = 0
    for tag in tags:
        joined |= bits(tag)
    return to_digest(joined.to_bytes(32, "big"))


def covers(pool: Digest, required: Digest) -> bool:
    """Return whether a pool's tag has every required bit (matchOrders 0x06)."""
    return not bits(required) & ~bits(pool)
