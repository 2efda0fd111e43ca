"""Certificates, keys and revocation lists of a SIMULATED platform, in the form of Intel's PCK infrastructure.

They protect nothing: the owner of the private keys can attest anything.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from sealgrid.attestation.certificates import at_time
from sealgrid.attestation.evidence import SIMULATED_MARK
from sealgrid.errors import InputRefused

ORGANISATION = f"{SIMULATED_MARK} - NOT A TEE"
SGX_EXTENSION = "1.2.840.113741.1.13.1"
FMSPC = bytes.fromhex("51d000000000")
PCE_ID = bytes(2)
PCE_SVN = 13
CPU_SVN = bytes([5] * 16)

Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey
Issuer = tuple[x509.Certificate | None, Key]
_SHA256 = ec.ECDSA(hashes.SHA256())


def new_key() -> Key:
    """Generate a P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def sign_raw(key: Key, data: bytes) -> bytes:
    """Return r ‖ s, 64 bytes, over SHA-256 of the data."""
    r, s = decode_dss_signature(key.sign(data, _SHA256))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def raw_public(key: Key) -> bytes:
    """Return x ‖ y, 64 bytes."""
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]


def parse_public(raw: bytes) -> PublicKey:
    """Return the P-256 key of x ‖ y, 64 bytes; raise ValueError for anything else."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)


def certificate(
    name: str, public: PublicKey, *, issuer: Issuer, valid: tuple[int, int], ppid: bytes | None = None
) -> x509.Certificate:
    """Issue a certificate, a PCK certificate with ``ppid``; a root's issuer has no certificate."""
    above, signer = issuer
    authority = name.endswith("CA")
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder(
            issuer_name=_subject(name) if above is None else above.subject,
            subject_name=_subject(name),
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=at_time(valid[0]),
            not_valid_after=at_time(valid[1]),
        )
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ppid is not None:
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(SGX_EXTENSION), _sgx_extension(ppid))
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


def revocation_list(
    issuer: x509.Certificate, key: Key, *, valid: tuple[int, int], revoked: Sequence[x509.Certificate] = ()
) -> bytes:
    """Return a revocation list in DER form."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.subject, last_update=at_time(valid[0]), next_update=at_time(valid[1])
    )
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(by, critical=False)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder(serial_number=each.serial_number, revocation_date=at_time(valid[0]))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem(*certificates: x509.Certificate) -> str:
    """Return concatenated PEM certificates."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def _subject(name: str) -> x509.Name:
    named = (NameOID.COMMON_NAME, f"{SIMULATED_MARK} {name}"), (NameOID.ORGANIZATION_NAME, ORGANISATION)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in named])


def _sgx_extension(ppid: bytes) -> bytes:
    # Intel SGX PCK Certificate and CRL Profile, section 1.3.5: platform, TCB, PCE, family, type.
    svns = [_field(f"2.{i + 1}", _integer(svn)) for i, svn in enumerate(CPU_SVN)]
    tcb = _sequence(*svns, _field("2.17", _integer(PCE_SVN)), _field("2.18", _tlv(0x04, CPU_SVN)))
    return _sequence(
        _field("1", _tlv(0x04, ppid)),
        _field("2", tcb),
        _field("3", _tlv(0x04, PCE_ID)),
        _field("4", _tlv(0x04, FMSPC)),
        _field("5", _tlv(0x0A, bytes(1))),
    )


def _field(suffix: str, value: bytes) -> bytes:
    # X.690, section 8.19: the first two arcs of an object identifier share a byte.
    first, second, *rest = (int(arc) for arc in f"{SGX_EXTENSION}.{suffix}".split("."))
    oid = _tlv(0x06, bytes([40 * first + second]) + b"".join(_base128(arc) for arc in rest))
    return _sequence(oid, value)


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _base128(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


def _tlv(tag: int, body: bytes) -> bytes:
    # X.690, section 8.1.3: lengths below 128 have one byte, others a count of bytes first.
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


DAY = 24 * 3600
YEARS = 10
NAMES = {"root": "Root CA", "ca": "PCK Platform CA", "pck": "PCK Certificate", "tcb": "TCB Signing"}


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A key with its certificate."""

    key: Key = field(repr=False)
    certificate: x509.Certificate


class _SavedKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: dict[str, str]
    certificates: dict[str, str]
    warning: str = "SIMULATED platform: these keys protect nothing and attest anything."


@dataclass(frozen=True, slots=True)
class SimulatedPlatformKeys:
    """Keys of one SIMULATED machine and its authority. NOT A TEE: these keys can attest anything."""

    root: CertifiedKey
    ca: CertifiedKey
    pck: CertifiedKey
    tcb: CertifiedKey

    @classmethod
    def generate(cls, now: int, days: int = 365 * YEARS, random: Callable[[int], bytes] = os.urandom) -> Self:
        """Generate a machine with its own authority, valid from a day before ``now`` (Unix seconds)."""
        valid = (now - DAY, now + days * DAY)
        keys = {name: new_key() for name in NAMES}
        public = {name: key.public_key() for name, key in keys.items()}
        root = certificate(NAMES["root"], public["root"], issuer=(None, keys["root"]), valid=valid)
        above = (root, keys["root"])
        ca = certificate(NAMES["ca"], public["ca"], issuer=above, valid=valid)
        pck = certificate(NAMES["pck"], public["pck"], issuer=(ca, keys["ca"]), valid=valid, ppid=random(16))
        tcb = certificate(NAMES["tcb"], public["tcb"], issuer=above, valid=valid)
        made = {"root": root, "ca": ca, "pck": pck, "tcb": tcb}
        return cls(**{name: CertifiedKey(keys[name], made[name]) for name in NAMES})

    @property
    def root_der(self) -> bytes:
        """Return the root's certificate in DER form, as TrustRoot takes it."""
        return self.root.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def chain(self) -> str:
        """Return the PEM certificates of machine, intermediate authority and root."""
        return self.chain_of(self.pck.certificate)

    def chain_of(self, machine: x509.Certificate) -> str:
        """Return the PEM certificates of another machine of this authority, of the intermediate one and of the root."""
        return pem(machine, self.ca.certificate, self.root.certificate)

    def certify(self, machine: PublicKey, *, now: int, days: int = YEARS * 365, ppid: bytes) -> x509.Certificate:
        """Issue the PCK certificate of another machine; ``ppid`` are 16 bytes that name it."""
        valid = (now - DAY, now + days * DAY)
        return certificate(NAMES["pck"], machine, issuer=(self.ca.certificate, self.ca.key), valid=valid, ppid=ppid)

    def save(self) -> bytes:
        """Return a JSON document with the private keys; store it only in a file of mode 0600."""
        parts = {name: getattr(self, name) for name in NAMES}
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return msgspec.json.encode(
            _SavedKeys(
                keys={name: part.key.private_bytes(*form).decode() for name, part in parts.items()},
                certificates={name: pem(part.certificate) for name, part in parts.items()},
            )
        )

    @classmethod
    def load(cls, saved: bytes) -> Self:
        """Parse the output of ``save``; raise InputRefused if it is invalid."""
        try:
            document = msgspec.json.decode(saved, type=_SavedKeys)
            return cls(**{name: _certified(document.keys[name], document.certificates[name]) for name in NAMES})
        except (msgspec.MsgspecError, ValueError, KeyError):
            # Without the cause: its message could contain key material.
            raise InputRefused("this file does not contain valid keys of a simulated platform.") from None


def _certified(key_pem: str, certificate_pem: str) -> CertifiedKey:
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    certified = x509.load_pem_x509_certificate(certificate_pem.encode())
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certified.public_key():
        raise ValueError("a certificate is about another key")
    return CertifiedKey(key, certified)
