"""Collateral of an SEV-SNP report: AMD's certificates and revocation list (AMD 57230), the host's certificate table."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sealgrid.attestation.certificates import at_time, is_issued_by, load_certificate, load_revocation_list
from sealgrid.attestation.evidence import Collateral, TcbVersion
from sealgrid.attestation.snp_report import ReportSigningKey
from sealgrid.errors import DECODE_ERRORS

_AMD = "1.3.6.1.4.1.3704.1"
_PARTS = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8", "fmc": "3.9"}  #: .fmc on Turin alone


class SnpCollateral(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates in DER form, in base64 as JSON writes bytes. Untrusted."""

    leaf: bytes  #: VCEK or VLEK
    intermediate: bytes  #: ASK or ASVK
    root: bytes  #: ARK
    revocation_list: bytes | None = None  #: the ARK's

    def encode(self) -> Collateral:
        """Return the collateral of a quote."""
        return Collateral(msgspec.json.encode(self))


@dataclass(frozen=True, slots=True)
class LeafCertificate:
    """Contents of a VCEK or VLEK certificate."""

    kind: ReportSigningKey
    product: str  #: "Milan", "Genoa", "Turin"
    tcb: TcbVersion  #: firmware that the key was derived for
    chip: bytes  #: chip id; empty for a VLEK
    provider: str  #: cloud provider; empty for a VCEK
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """Parsed collateral; signatures are not verified yet."""

    leaf: x509.Certificate
    intermediate: x509.Certificate
    root: x509.Certificate
    revocation_list: x509.CertificateRevocationList | None
    facts: LeafCertificate

    @property
    def list_number(self) -> int:
        """Return the number of the revocation list; 0 without a list or number."""
        if self.revocation_list is None:
            return 0
        try:
            return self.revocation_list.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except x509.ExtensionNotFound:
            return 0


def parse_leaf(der: bytes) -> LeafCertificate:
    """Parse a VCEK or VLEK certificate; raise ValueError if it is invalid."""
    try:
        return _parse_leaf(load_certificate(der))
    except (UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise ValueError("the certificate is not one of an SEV-SNP key") from error


def parse_chain(collateral: Collateral) -> CertificateChain:
    """Parse collateral; raise ValueError if it is invalid."""
    try:
        parts = msgspec.json.decode(collateral.raw, type=SnpCollateral)
        leaf = load_certificate(parts.leaf)
        listed = parts.revocation_list
        return CertificateChain(
            leaf=leaf,
            intermediate=load_certificate(parts.intermediate),
            root=load_certificate(parts.root),
            revocation_list=load_revocation_list(listed) if listed is not None else None,
            facts=_parse_leaf(leaf),
        )
    except (*DECODE_ERRORS, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise ValueError("the collateral is not one of an SEV-SNP report") from error


def find_chain_error(chain: CertificateChain, at: int) -> str | None:
    """Return the first error of signatures, dates and revocation list at ``at``, or None."""
    now = at_time(at)
    for certificate, issuer in (
        (chain.root, chain.root),
        (chain.intermediate, chain.root),
        (chain.leaf, chain.intermediate),
    ):
        if not is_issued_by(certificate, issuer):
            return "a certificate is not signed by the one above it"
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return "a certificate is not valid at this time"
    return None if chain.revocation_list is None else _revocation_list_error(chain, chain.revocation_list, now)


def _revocation_list_error(
    chain: CertificateChain, listed: x509.CertificateRevocationList, now: datetime
) -> str | None:
    key, until = chain.root.public_key(), listed.next_update_utc
    try:
        is_signed = (
            isinstance(key, rsa.RSAPublicKey) and listed.issuer == chain.root.subject and listed.is_signature_valid(key)
        )
    except (ValueError, UnsupportedAlgorithm):
        is_signed = False
    if not is_signed:
        return "the revocation list is not signed by the root"
    if until is None or not listed.last_update_utc <= now <= until:
        return "the revocation list is not valid at this time"
    # All leaf certificates have the serial number 0: AMD revokes them by revoking their issuer.
    if listed.get_revoked_certificate_by_serial_number(chain.intermediate.serial_number) is not None:
        return "a certificate was revoked by AMD"
    return None


def _parse_leaf(certificate: x509.Certificate) -> LeafCertificate:
    # AMD 57230, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface", table of extensions.
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise ValueError("a report is signed with a key on P-384")  # noqa: TRY004  untrusted bytes, not a type error
    extensions = {each.oid.dotted_string: each.value for each in certificate.extensions}
    values = {
        oid.removeprefix(f"{_AMD}."): value.value
        for oid, value in extensions.items()
        if isinstance(value, x509.UnrecognizedExtension)
    }
    tcb = TcbVersion(**{part: _number(values[oid]) for part, oid in _PARTS.items() if oid in values})
    name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    leaf = LeafCertificate(ReportSigningKey.VCEK, _text(values.get("2", b"")).partition("-")[0], tcb, b"", "", key)
    if [each.value for each in name] == ["SEV-VLEK"]:
        return replace(leaf, kind=ReportSigningKey.VLEK, provider=_text(values.get("5", b"")))
    chip = values.get("4", b"")
    # Certificates before 2023 contain the raw chip id, later ones an OCTET STRING.
    is_wrapped = len(chip) > 2 and chip[0] == 0x04 and chip[1] == len(chip) - 2 and len(chip) not in (8, 64)
    return replace(leaf, chip=chip[2:] if is_wrapped else chip)


def _number(der: bytes) -> int:
    if len(der) < 3 or der[0] != 0x02 or der[1] != len(der) - 2:
        raise ValueError("a part of the firmware's version is not an INTEGER")
    return int.from_bytes(der[2:], "big", signed=True)


def _text(der: bytes) -> str:
    if len(der) < 3 or der[0] != 0x16 or der[1] != len(der) - 2:
        raise ValueError("a name in the certificate is not an IA5String")
    return der[2:].decode("ascii")


_KINDS = {
    UUID("63da758d-e664-4564-adc5-f4b93be8accd"): "vcek",
    UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"): "vlek",
    UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"): "intermediate",
    UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"): "root",
    UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea"): "revocation_list",
}
#: hosts write GUIDs in either byte order
_NAMES = {order: kind for guid, kind in _KINDS.items() for order in (guid.bytes, guid.bytes_le)}
_ENTRY = 24
_MAX_ENTRIES = 32


def parse_certificate_table(table: bytes) -> dict[str, bytes]:
    """Parse the table of certificates from the host (AMD GHCB, SNP Extended Guest Request): kind -> DER.

    Entries are GUID ‖ u32 offset ‖ u32 length, little-endian, and end with a zero GUID. Unknown kinds are skipped. The
    table is untrusted and often empty. Raises ValueError for an entry outside of the table.
    """
    certificates: dict[str, bytes] = {}
    for number in range(_MAX_ENTRIES):
        entry = table[number * _ENTRY : (number + 1) * _ENTRY]
        if len(entry) < _ENTRY or not any(entry[:16]):
            return certificates
        offset, length = (int.from_bytes(entry[at : at + 4], "little") for at in (16, 20))
        if offset + length > len(table):
            raise ValueError("a certificate of the host's table lies outside of it")
        if kind := _NAMES.get(entry[:16]):
            certificates[kind] = table[offset : offset + length]
    raise ValueError("the host's table of certificates does not end")
