"""Seal a result so that no vault can read it and nobody reads it before the chain has paid.

The key is K1 xor K2, both random. K1 is sealed to the requester's result key and travels in the file's metadata; K2
is split among the vaults, who give their shares out once the task is completed. A policy may say ``direct``: K2 = 0.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from sealgrid.attestation.facts import Facts
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.bundle.result_padding import pad
from sealgrid.crypto import container, hpke
from sealgrid.crypto.digests import canonical, keccak256, sha256
from sealgrid.crypto.shares import KeyRecord, Share, record_from_shares, split
from sealgrid.errors import HostFailed
from sealgrid.receipts.request_document import VerifiedRequest
from sealgrid.units import Address, Digest, to_bytes, to_digest
from sealgrid.wire.result_metadata import ResultMetadata, k1_context

KEY_BYTES = 32


@dataclass(frozen=True)
class SealedResult:
    """The sealed file, and the record and shares of the half of its key that the vaults keep."""

    content: bytes = field(repr=False)
    sha256: Digest
    record: KeyRecord | None
    shares: tuple[Share, ...] = field(repr=False)


def seal_result(
    archive: bytes,
    request: VerifiedRequest,
    facts: Facts,
    vaults: tuple[Address, ...],
    threshold: int,
    *,
    rsa: bytes | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> SealedResult:
    """Pad and seal a result archive for the result key of this order, or as iExec's own client asked for.

    What says that a deal was refused is sealed to nobody: its params may be unreadable, and facts say the same.
    ``rsa`` is what was shown as the beneficiary's registered key. Raises HostFailed where it is not what facts name.
    """
    if facts.refusal or request.params.sealgrid is None:
        return _as_iexec_does(archive, facts, rsa, random)
    k1, k2 = random(KEY_BYTES), random(KEY_BYTES) if facts.release == "escrow" else bytes(KEY_BYTES)
    dek = bytes(a ^ b for a, b in zip(k1, k2, strict=True))
    for_requester = hpke.seal(to_bytes(request.params.result_key, 32), k1, k1_context(facts.task, facts.enclave))
    metadata = canonical(
        ResultMetadata(task=facts.task, enclave=facts.enclave, release=facts.release, k1=for_requester.hex())
    )
    target, padded = io.BytesIO(), pad(archive)
    digest = container.seal(
        io.BytesIO(padded), target, dek=dek, size=len(padded), key_id=to_bytes(facts.task, 32)[:16], metadata=metadata
    )
    if facts.release == "direct":
        return SealedResult(target.getvalue(), digest, None, ())
    shares = split(k2, len(vaults), threshold, random)
    record = record_from_shares(
        hub=facts.hub,
        asset=facts.enclave,
        owner=facts.enclave,
        version=1,
        file_sha256=digest,
        t=threshold,
        vaults=vaults,
        shares=shares,
    )
    return SealedResult(target.getvalue(), digest, record, shares)


def _as_iexec_does(archive: bytes, facts: Facts, rsa: bytes | None, random: Callable[[int], bytes]) -> SealedResult:
    content = archive
    if facts.result_key != NO_RESULT_KEY:
        if rsa is None or to_digest(keccak256(rsa)) != facts.result_key:
            raise HostFailed("the beneficiary's key for results is not the one that the vaults saw.")
        from sealgrid.enclave.job.rsa_result import seal_for_rsa  # noqa: PLC0415  27 ms that few jobs need

        content = seal_for_rsa(archive, rsa, random)
    return SealedResult(content, to_digest(sha256(content)), None, ())
