"""The bits of a deal's tag (PoCo): what kind of machine a task needs."""

from typing import Final

from sealgrid.units import Digest, to_bytes, to_digest

TEE: Final = 1 << 0  #: the result must come with an enclave's signature
SCONE: Final = 1 << 1
GRAMINE: Final = 1 << 2
TDX: Final = 1 << 3
GPU: Final = 1 << 8

NO_TAG: Final = to_digest(bytes(32))
TEE_TAG: Final = to_digest((TEE | TDX).to_bytes(32, "big"))  #: what iExec's SDK 9 puts on every order, and what we do


def bits(tag: Digest) -> int:
    """Return a tag's bits as a number."""
    return int.from_bytes(to_bytes(tag, 32), "big")


def is_tee(tag: Digest) -> bool:
    """Tell whether PoCo demands an enclave's signature for this tag."""
    return bool(bits(tag) & TEE)


def union(*tags: Digest) -> Digest:
    """Return the tag of a deal: all bits that any of its orders carries (npm 6.1.0; 6.2.0 masks the dataset's)."""
    joined = 0
    for tag in tags:
        joined |= bits(tag)
    return to_digest(joined.to_bytes(32, "big"))


def covers(pool: Digest, wanted: Digest) -> bool:
    """Tell whether a pool's tag has every wanted bit (matchOrders 0x06)."""
    return not bits(wanted) & ~bits(pool)
