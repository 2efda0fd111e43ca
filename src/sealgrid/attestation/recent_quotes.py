"""Verifies quotes of machines whose certificates, collateral and TCB were verified completely a short time ago.

The quotes of one TDX machine for one runtime and app differ in report data and signature only. Of such a quote only the
signature has to be verified again: the key that signs, the chain that certifies it, revocation lists, TCB, measurements
and attributes are bytes that were verified.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sealgrid.attestation import verification
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims
from sealgrid.attestation.quote_format import ECDSA_P256, TEE_TDX
from sealgrid.errors import EvidenceRefused

SECONDS: Final = 300  #: for which a complete verification counts
MAX_MACHINES: Final = 256
_HEADER = (4).to_bytes(2, "little") + ECDSA_P256.to_bytes(2, "little") + TEE_TDX.to_bytes(4, "little")
_REPORT_DATA = slice(48 + 584 - 64, 48 + 584)  #: the last field of a TDX 1.0 report
_SIGNED = slice(0, 48 + 584)
_SIGNATURE = slice(636, 700)  #: r ‖ s, after the u32 length of the signature data
_KEY = slice(700, 764)  #: x ‖ y of the attestation key

_Known = tuple[bytes, tuple[TrustRoot, ...], bool]


@dataclass(frozen=True, slots=True)
class _Verification:
    """A complete verification that holds from one moment to another, Unix seconds."""

    claims: VerifiedClaims
    first: int
    last: int


class RecentQuotes:
    """Complete verifications of the last SECONDS, at most MAX_MACHINES of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Known, _Verification] = OrderedDict()

    def verify(self, quote: Quote, roots: Sequence[TrustRoot], *, at: int, allow_simulated: bool) -> VerifiedClaims:
        """Return what ``verification.verify`` returns for this quote, roots and time; raise as it does.

        A quote counts as a known one only if (1) every byte of it but report data and signature, its collateral, the
        roots and ``allow_simulated`` are those of a quote that was verified completely, (2) that verification held at
        two moments, and ``at`` is between them: all dates in evidence bound intervals, so it holds at ``at`` too,
        and (3) the known attestation key signed this quote.
        """
        if not _is_tdx_1_0(quote.raw):
            return verification.verify(quote, roots, at=at, allow_simulated=allow_simulated)
        name = (_digest_of_rest(quote), tuple(roots), allow_simulated)  # (1)
        known = self._known.get(name)
        if known is not None and known.first <= at <= known.last:  # (2)
            if not _is_signed(quote.raw):  # (3)
                raise EvidenceRefused(
                    "2.4", "a signature, certificate, revocation list or date of the evidence is not valid."
                )
            self._known.move_to_end(name)
            return replace(known.claims, report_data=quote.raw[_REPORT_DATA])
        claims = verification.verify(quote, roots, at=at, allow_simulated=allow_simulated)
        if _is_signed(quote.raw) and claims.report_data == quote.raw[_REPORT_DATA]:
            self._remember(
                name, _Verification(claims, at, self._last_moment(quote, roots, claims, at, allow_simulated))
            )
        return claims

    @staticmethod
    def _last_moment(
        quote: Quote, roots: Sequence[TrustRoot], claims: VerifiedClaims, at: int, allow_simulated: bool
    ) -> int:
        try:
            later = verification.verify(quote, roots, at=at + SECONDS, allow_simulated=allow_simulated)
        except EvidenceRefused:  # something expires within this time
            return at
        return at + SECONDS if later == claims else at

    def _remember(self, name: _Known, known: _Verification) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        while len(self._known) > MAX_MACHINES:
            self._known.popitem(last=False)


def _is_tdx_1_0(raw: bytes) -> bool:
    return raw.startswith(_HEADER) and len(raw) >= _KEY.stop


def _digest_of_rest(quote: Quote) -> bytes:
    """Return a digest of all that is not report data or signature."""
    raw = quote.raw
    rest = (raw[: _REPORT_DATA.start], raw[_REPORT_DATA.stop : _SIGNATURE.start], raw[_SIGNATURE.stop :])
    digest = hashlib.sha256()
    for part in (*rest, quote.collateral.raw):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _is_signed(raw: bytes) -> bool:
    """Return whether the attestation key in a quote signed its header and report."""
    r, s = (int.from_bytes(raw[start : start + 32], "big") for start in (_SIGNATURE.start, _SIGNATURE.start + 32))
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw[_KEY])
        key.verify(encode_dss_signature(r, s), raw[_SIGNED], ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
