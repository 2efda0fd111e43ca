"""Metadata of a sealed result, and the context that its first key half is bound to."""

from typing import Literal

from sealgrid.crypto.digests import lp
from sealgrid.units import Address, TaskId, to_bytes
from sealgrid.wire.message import Message


class ResultMetadata(Message, frozen=True, kw_only=True):
    """Metadata of a sealed result file (canonical JSON)."""

    task: TaskId
    enclave: Address
    release: Literal["escrow", "direct"]
    k1: str  #: hex of K1, sealed to the result key by HPKE


def k1_context(task: TaskId, enclave: Address) -> bytes:
    """Return the HPKE info of K1."""
    return lp(b"sealgrid/result-key/1", to_bytes(task, 32), to_bytes(enclave, 20))
