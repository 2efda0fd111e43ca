"""X.509 certificates and revocation lists of attestation authorities (RFC 5280)."""

import warnings
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm


def load_certificate(der: bytes) -> x509.Certificate:
    """Parse a DER certificate; raise ValueError if it is invalid."""
    with warnings.catch_warnings():
        # AMD leaf certificates have the serial number 0, which makes cryptography warn.
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:
            raise ValueError("the certificate is not X.509 version 3") from error


def load_chain(pem: bytes) -> list[x509.Certificate]:
    """Parse one or more PEM certificates; raise ValueError if one is invalid."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except x509.InvalidVersion as error:
        raise ValueError("the certificate is not X.509 version 3") from error


def load_revocation_list(der: bytes) -> x509.CertificateRevocationList:
    """Parse a DER revocation list; raise ValueError if it is invalid."""
    try:
        return x509.load_der_x509_crl(der)
    except x509.InvalidVersion as error:
        raise ValueError("the revocation list is not version 2") from error


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether a certificate names this issuer and has its signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def at_time(seconds: int) -> datetime:
    """Return a Unix time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC)
