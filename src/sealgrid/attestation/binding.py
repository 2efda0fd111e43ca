"""Digests that bind a quote to a task, an enclave and a federation (docs/protocol/evidence.md).

In length-prefixed lists an integer has 8 bytes, big-endian, an address 20, a digest 32, a platform 1.
"""

from collections.abc import Sequence

from sealgrid.attestation.policy import Platform
from sealgrid.crypto.digests import lp, sha256, sha512
from sealgrid.units import Address, Digest, TaskId, to_bytes, to_digest

NONCE_BYTES = 32
REPORT_DATA_BYTES = 64
CONFIG_BYTES = 48


def report_data(
    *,
    chain: int,
    hub: Address,
    task: TaskId,
    worker: Address,
    app_digest: Digest,
    enclave: Address,
    hpke_public: bytes,
    vault_set: Digest,
    nonces: Sequence[bytes],
) -> bytes:
    """Return the 64 bytes of report data for all vaults; ``nonces`` in ascending order of vaults.

    Raises ValueError for a field of the wrong size, since the nonces are concatenated.
    """
    if len(hpke_public) != 32 or any(len(nonce) != NONCE_BYTES for nonce in nonces):
        raise ValueError(f"an HPKE key has 32 bytes and a nonce {NONCE_BYTES}")
    return sha512(
        b"sealgrid/attest/1",
        lp(_u64(chain), to_bytes(hub, 20), to_bytes(task, 32), to_bytes(worker, 20), to_bytes(app_digest, 32)),
        lp(to_bytes(enclave, 20), hpke_public, to_bytes(vault_set, 32), b"".join(nonces)),
    )


def vault_set(*, chain: int, hub: Address, broker: Address, t: int, vaults: Sequence[Address]) -> Digest:
    """Return the digest that identifies a federation; ``vaults`` ascending."""
    members = (to_bytes(vault, 20) for vault in vaults)
    network = lp(_u64(chain), to_bytes(hub, 20), to_bytes(broker, 20), _u64(t))
    return to_digest(sha256(b"sealgrid/vaults/1", network, lp(*members)))


def session(data: bytes) -> Digest:
    """Return the digest of report data that identifies a session."""
    return to_digest(sha256(data))


def runtime_identity(platform: Platform, measurements: Sequence[bytes]) -> Digest:
    """Return the identity of a runtime.

    ``measurements``: SGX MRENCLAVE; TDX MRTD, RTMR0, RTMR1, RTMR2; simulated MRTD alone. Each is one
    length-prefixed part. The platform is part of the digest: a simulated and a real runtime never have one identity.
    """
    return to_digest(sha256(b"sealgrid/runtime/1", lp(bytes([platform]), *measurements)))


def locked_config(app_digest: Digest) -> bytes:
    """Return the 48 bytes of MRCONFIGID that lock an app into the evidence at launch."""
    return to_bytes(app_digest, 32) + bytes(CONFIG_BYTES - 32)


def locked_app(config: bytes) -> Digest | None:
    """Return the app locked by an MRCONFIGID; None if it is empty or has another form."""
    if len(config) != CONFIG_BYTES or any(config[32:]) or not any(config[:32]):
        return None
    return to_digest(config[:32])


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "big")
