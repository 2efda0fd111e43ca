"""Seal a result: no vault can read it, and the requester can only after the chain has paid.

The key is K1 xor K2, both random. K1 is sealed to the requester's result key and stored in the file's metadata. K2 is
split among the vaults, which release their shares once the task is completed. With the policy ``direct``, K2 is 0.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from sealgrid.attestation.facts import Facts
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.bundle.archive import pack
from sealgrid.bundle.result_padding import pad
from sealgrid.crypto import container, hpke
from sealgrid.crypto.digests import canonical, keccak256, sha256
from sealgrid.crypto.iexec_format import BLOCK_BYTES, seal_iexec
from sealgrid.crypto.iexec_format import KEY_BYTES as IEXEC_KEY_BYTES
from sealgrid.crypto.shares import KeyRecord, Share, record_from_shares, split
from sealgrid.errors import HostFailed
from sealgrid.receipts.request_document import VerifiedRequest
from sealgrid.units import Address, Digest, to_bytes, to_digest
from sealgrid.wire.result_metadata import ResultMetadata, k1_context

KEY_BYTES = 32


@dataclass(frozen=True)
class SealedResult:
    """The sealed file, and the record and shares of the half of its key that the vaults store."""

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
    """Pad and seal a result archive for the result key of this order, or in the format that iExec's client requests.

    The result of a refused deal is not encrypted: its params may be unreadable, and it repeats the facts only.
    ``rsa`` is the presented registered key of the beneficiary. Raises HostFailed where the facts name another one.
    """
    if facts.refusal or request.params.sealgrid is None:
        content = archive
        if facts.result_key != NO_RESULT_KEY:
            if rsa is None or to_digest(keccak256(rsa)) != facts.result_key:
                raise HostFailed("the beneficiary's key for results is not the one that the vaults' facts name.")
            content = seal_for_rsa(archive, rsa, random)
        return SealedResult(content, to_digest(sha256(content)), None, ())
    k1, k2 = random(KEY_BYTES), random(KEY_BYTES) if facts.release == "escrow" else bytes(KEY_BYTES)
    dek = bytes(a ^ b for a, b in zip(k1, k2, strict=True))
    sealed_k1 = hpke.seal(to_bytes(request.params.result_key, 32), k1, k1_context(facts.task, facts.enclave))
    metadata = canonical(
        ResultMetadata(task=facts.task, enclave=facts.enclave, release=facts.release, k1=sealed_k1.hex())
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


def seal_for_rsa(archive: bytes, value: bytes, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return a result as iExec's SDK decrypts it: the zip of ``iexec_out.zip.aes`` and ``aes-key.rsa``.

    ``value`` is the beneficiary's registered RSA key. iExec's format encrypts and does not authenticate: a reader
    compares the file's SHA-256 with the receipt's first.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415  27 ms that few jobs need

    from sealgrid.crypto.iexec_result_key import parse_rsa_key  # noqa: PLC0415

    key = random(IEXEC_KEY_BYTES)
    sealed = seal_iexec(archive, key, random(BLOCK_BYTES))
    return pack({"aes-key.rsa": parse_rsa_key(value).encrypt(key, PKCS1v15()), "iexec_out.zip.aes": sealed})
