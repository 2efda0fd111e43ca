"""HPKE in base mode (RFC 9180): X25519, HKDF-SHA256, AES-256-GCM."""

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sealgrid.errors import ContainerRefused

PUBLIC_BYTES = 32

_ANY_KEY = X25519PrivateKey.generate()  #: its results are never used
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class HpkeKey:
    """An X25519 key pair; its repr shows only the public key."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()  #: 32 bytes

    @classmethod
    def generate(cls) -> "HpkeKey":
        """Generate a key pair."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, secret: bytes) -> "HpkeKey":
        """Load a key pair from its 32 secret bytes."""
        return cls(X25519PrivateKey.from_private_bytes(secret))

    @property
    def secret(self) -> bytes:
        """Return the 32 secret bytes; store them only in a file of mode 0600."""
        return self._private.private_bytes_raw()

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Decrypt a message sealed to this key under ``info``; raise ContainerRefused if it does not open."""
        try:
            return _SUITE.decrypt(sealed, self._private, info=info)
        except (InvalidTag, ValueError) as error:
            raise ContainerRefused("hpke", "a message does not open with this key and context.") from error

    def __repr__(self) -> str:
        return f"HpkeKey({self.public.hex()})"


def seal(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Seal bytes to a public key under ``info``; raise ContainerRefused if the key is invalid."""
    check_public(public)
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info=info)


@lru_cache(maxsize=256)  # of valid keys: an error is not remembered
def check_public(public: bytes) -> None:
    """Raise ContainerRefused unless this is a 32-byte point of sufficient order (RFC 7748, section 6.1)."""
    if len(public) != PUBLIC_BYTES:
        raise ContainerRefused("hpke", f"an X25519 key has {PUBLIC_BYTES} bytes, not {len(public)}.")
    try:
        # With a point of low order, every private key gives the same result, zero, which is refused.
        _ANY_KEY.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise ContainerRefused(
            "hpke", "this X25519 key has low order; anyone could read a message sealed to it."
        ) from error
