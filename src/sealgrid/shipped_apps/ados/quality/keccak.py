"""Keccak-256, by pycryptodome without the process that it would start.

Where cffi is not installed, as in an enclave, pycryptodome asks ``platform.architecture`` for the linkage of its
libraries, which runs the program ``file``: a process more than the app's manifest allows.
"""

from Crypto.Util import _raw_api

_architecture: list[str] = getattr(_raw_api, "cached_architecture", [])
_architecture[:] = ["64bit", "ELF"]

from Crypto.Hash import keccak  # noqa: E402  it asks when it is imported


def keccak256(*parts: bytes) -> bytes:
    """Return the digest of Ethereum's Keccak of the parts one after the other, 32 bytes."""
    digest = keccak.new(digest_bits=256)
    for part in parts:
        digest.update(part)
    return digest.digest()
