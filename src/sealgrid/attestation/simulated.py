"""The SIMULATED platform's quoting: genuine formats, its own root, no protection whatever.

It lets the same code run on every machine: an unmodified verifier checks its quotes, and its root is believed only
where somebody configured it as simulated. Whoever holds the keys can attest anything.
"""

import hashlib
from dataclasses import replace

from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import (
    QE_ATTRIBUTES,
    QE_REPORT,
    TEE_SGX,
    TEE_TDX,
    certification,
    header,
    quote,
    quoting_enclave,
    sgx_report,
    td_report,
)
from sealgrid.attestation.simulated_collateral import QE_PRODUCT, QE_SIGNER, QE_SVN, SimulatedTerms, collateral
from sealgrid.attestation.simulated_keys import DAY, SimulatedPlatformKeys
from sealgrid.attestation.simulated_pki import CPU_SVN, PCE_SVN, new_key, pem, raw_public, sign_raw

__all__ = ["SimulatedPlatformKeys", "SimulatedQuoter", "SimulatedTerms", "collateral"]

QE_MEASUREMENT = hashlib.sha256(b"sealgrid/simulated/qe").digest()
QE_AUTH = bytes(range(32))
HOUR = 3600


class SimulatedQuoter:
    """Quotes of one SIMULATED machine, with collateral that is valid from an hour before ``now``. NOT A TEE.

    The certified part of a quote is made once, so that each quote costs one signature.
    """

    def __init__(self, keys: SimulatedPlatformKeys, *, now: int, days: int = 30) -> None:
        self._keys = keys
        self._attestation = new_key()
        self._certified = {tee: self._quoting_enclave(tee) for tee in (TEE_TDX, TEE_SGX)}
        self.terms = SimulatedTerms(issued=now - HOUR, expires=now + days * DAY)
        self.collateral = collateral(keys, self.terms)  #: of every quote of ``quote``

    @property
    def root_der(self) -> bytes:
        """Return the root's certificate in DER form."""
        return self._keys.root_der

    @property
    def trust_root(self) -> TrustRoot:
        """Return the root as a verifier configures it."""
        return TrustRoot(Platform.SIMULATED, self.root_der)

    def quote(self, mrtd: bytes, mrconfigid: bytes, report_data: bytes) -> Quote:
        """Return a TDX v4 quote; 48, 48 and 64 bytes. Raises ValueError for other sizes."""
        report = td_report(mrtd=mrtd, mrconfigid=mrconfigid, report_data=report_data)
        return Quote(self.sign_td(report), self.collateral)

    def sign_td(self, report: bytes) -> bytes:
        """Quote any TD report, also one that no honest platform would."""
        signature = self._sign(signed := header(4, TEE_TDX, QE_SVN, PCE_SVN) + report)
        return quote(signed, signature + certification(QE_REPORT, self._certified[TEE_TDX]))

    def sign_sgx(self, mrenclave: bytes, report_data: bytes, **fields: bytes) -> bytes:
        """Return an SGX v3 quote: what a machine of the other kind would send."""
        report = sgx_report(mrenclave=mrenclave, mrsigner=QE_SIGNER, report_data=report_data, cpu_svn=CPU_SVN, **fields)  # type: ignore[arg-type]
        signed = header(3, TEE_SGX, QE_SVN, PCE_SVN) + report
        return quote(signed, self._sign(signed) + self._certified[TEE_SGX])

    def collateral_with(self, tee: int = TEE_TDX, **changes: object) -> Collateral:
        """Return collateral under other terms, signed like the honest one."""
        return collateral(self._keys, replace(self.terms, **changes), tee)  # type: ignore[arg-type]

    def _sign(self, signed: bytes) -> bytes:
        return sign_raw(self._attestation, signed) + raw_public(self._attestation)

    def _quoting_enclave(self, tee: int) -> bytes:
        # The quoting enclave's report carries the hash of the key that signs quotes; the platform's key signs it.
        bound = hashlib.sha256(raw_public(self._attestation) + QE_AUTH).digest()
        report = sgx_report(
            mrenclave=QE_MEASUREMENT,
            mrsigner=QE_SIGNER,
            report_data=bound + bytes(32),
            cpu_svn=CPU_SVN,
            attributes=QE_ATTRIBUTES,
            product=QE_PRODUCT[tee == TEE_TDX],
            svn=QE_SVN,
        )
        chain = pem(self._keys.pck.certificate, self._keys.ca.certificate, self._keys.root.certificate)
        return quoting_enclave(report, sign_raw(self._keys.pck.key, report), QE_AUTH, chain.encode())
