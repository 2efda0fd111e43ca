"""The keys and certificates of a SIMULATED platform, and the file that lets it keep its root over a restart."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealgrid.attestation.simulated_pki import Key, certificate, new_key, pem
from sealgrid.errors import InputRefused

DAY = 24 * 3600
YEARS = 10
NAMES = {"root": "Root CA", "ca": "PCK Platform CA", "pck": "PCK Certificate", "tcb": "TCB Signing"}


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A key and the certificate about it."""

    key: Key = field(repr=False)
    certificate: x509.Certificate


class _SavedKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: dict[str, str]
    certificates: dict[str, str]
    warning: str = "SIMULATED platform: these keys protect nothing and attest anything."


@dataclass(frozen=True, slots=True)
class SimulatedPlatformKeys:
    """One SIMULATED machine and the authority above it. NOT A TEE: whoever holds this can attest anything."""

    root: CertifiedKey
    ca: CertifiedKey
    pck: CertifiedKey
    tcb: CertifiedKey

    @classmethod
    def generate(cls, now: int, days: int = 365 * YEARS, random: Callable[[int], bytes] = os.urandom) -> Self:
        """Make a machine with an authority of its own, valid from a day before ``now`` (Unix seconds)."""
        valid = (now - DAY, now + days * DAY)
        keys = {name: new_key() for name in NAMES}
        root = certificate(NAMES["root"], keys["root"], issuer=None, valid=valid)
        above = (root, keys["root"])
        ca = certificate(NAMES["ca"], keys["ca"], issuer=above, valid=valid)
        pck = certificate(NAMES["pck"], keys["pck"], issuer=(ca, keys["ca"]), valid=valid, ppid=random(16))
        tcb = certificate(NAMES["tcb"], keys["tcb"], issuer=above, valid=valid)
        made = {"root": root, "ca": ca, "pck": pck, "tcb": tcb}
        return cls(**{name: CertifiedKey(keys[name], made[name]) for name in NAMES})

    @property
    def root_der(self) -> bytes:
        """Return the root's certificate in DER form: what a TrustRoot needs."""
        return self.root.certificate.public_bytes(serialization.Encoding.DER)

    def save(self) -> bytes:
        """Return a JSON document with the private keys; it belongs in a file of mode 0600."""
        parts = {name: getattr(self, name) for name in NAMES}
        return msgspec.json.encode(
            _SavedKeys(
                keys={name: _key_pem(part.key) for name, part in parts.items()},
                certificates={name: pem(part.certificate) for name, part in parts.items()},
            )
        )

    @classmethod
    def load(cls, saved: bytes) -> Self:
        """Read what ``save`` wrote; raise InputRefused for anything else."""
        try:
            document = msgspec.json.decode(saved, type=_SavedKeys)
            return cls(**{name: _certified(document.keys[name], document.certificates[name]) for name in NAMES})
        except (msgspec.MsgspecError, ValueError, KeyError):
            # Without the cause: what was read is key material.
            raise InputRefused("this file holds no keys of a simulated platform.") from None


def _key_pem(key: Key) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _certified(key_pem: str, certificate_pem: str) -> CertifiedKey:
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    found = x509.load_pem_x509_certificate(certificate_pem.encode())
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != found.public_key():
        raise ValueError("a certificate is about another key")
    return CertifiedKey(key, found)
