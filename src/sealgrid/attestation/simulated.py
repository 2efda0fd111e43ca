"""SIMULATED platform: genuine quote and collateral formats (Intel DCAP, PCS API v4) under its own root. NOT A TEE.

It runs the same code on every machine. Verifiers accept its root only where it is configured as simulated.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from cryptography import x509

from sealgrid.attestation.certificates import at_time
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import (
    QE_ATTRIBUTES,
    QE_REPORT,
    TDX_TCB_SVN,
    TEE_SGX,
    TEE_TDX,
    certification,
    header,
    quote,
    quoting_enclave,
    sgx_report,
    td_report,
)
from sealgrid.attestation.simulated_pki import (
    CPU_SVN,
    DAY,
    FMSPC,
    PCE_ID,
    PCE_SVN,
    Key,
    SimulatedPlatformKeys,
    new_key,
    pem,
    raw_public,
    revocation_list,
    sign_raw,
)

QE_SVN = 8
QE_SIGNER = hashlib.sha256(b"sealgrid/simulated/qe-signer").digest()
QE_PRODUCT = {True: 2, False: 1}  #: ISVPRODID of the quoting enclave for TDs and for SGX enclaves
EVALUATION = 17


@dataclass(frozen=True, slots=True)
class SimulatedTerms:
    """State of a machine in its collateral. The defaults pass verification."""

    issued: int  #: Unix seconds
    expires: int  #: Unix seconds
    evaluation: int = EVALUATION
    status: str = "UpToDate"
    advisories: tuple[str, ...] = ()
    required_svn: bytes = CPU_SVN  #: 16 required TCB components
    pck_revoked: bool = False
    revoked: tuple[x509.Certificate, ...] = ()  #: of other machines


def collateral(keys: SimulatedPlatformKeys, terms: SimulatedTerms, tee: int = TEE_TDX) -> Collateral:
    """Return collateral with these terms for quotes of TDs or SGX enclaves."""
    valid = (terms.issued, terms.expires)
    info, identity = (msgspec.json.encode(each) for each in (_tcb_info(terms, tee), _qe_identity(terms, tee)))
    signers = pem(keys.tcb.certificate, keys.root.certificate)
    revoked = [*([keys.pck.certificate] if terms.pck_revoked else []), *terms.revoked]
    parts = {
        "pck_crl_issuer_chain": pem(keys.ca.certificate, keys.root.certificate),
        "root_ca_crl": revocation_list(keys.root.certificate, keys.root.key, valid=valid).hex(),
        "pck_crl": revocation_list(keys.ca.certificate, keys.ca.key, valid=valid, revoked=revoked).hex(),
        "tcb_info_issuer_chain": signers,
        "tcb_info": info.decode(),
        "tcb_info_signature": sign_raw(keys.tcb.key, info).hex(),
        "qe_identity_issuer_chain": signers,
        "qe_identity": identity.decode(),
        "qe_identity_signature": sign_raw(keys.tcb.key, identity).hex(),
    }
    return Collateral(msgspec.json.encode(parts))


def _tcb_info(terms: SimulatedTerms, tee: int) -> dict[str, Any]:
    tcb: dict[str, Any] = {"sgxtcbcomponents": _components(terms.required_svn), "pcesvn": PCE_SVN}
    info: dict[str, Any] = {
        **_stamp(terms),
        "id": "TDX" if tee == TEE_TDX else "SGX",
        "version": 3,
        "tcbType": 0,
        "fmspc": FMSPC.hex().upper(),
        "pceId": PCE_ID.hex(),
    }
    if tee == TEE_TDX:
        tcb["tdxtcbcomponents"] = _components(TDX_TCB_SVN)
        module = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
        levels = [{"tcb": {"isvsvn": TDX_TCB_SVN[0]}, "tcbDate": _date(terms.issued), "tcbStatus": "UpToDate"}]
        info["tdxModule"] = module
        info["tdxModuleIdentities"] = [{"id": "TDX_01", **module, "tcbLevels": levels}]
    level = {"tcb": tcb, "tcbDate": _date(terms.issued), "tcbStatus": terms.status, "advisoryIDs": terms.advisories}
    return {**info, "tcbLevels": [level]}


def _qe_identity(terms: SimulatedTerms, tee: int) -> dict[str, Any]:
    return {
        **_stamp(terms),
        "id": "TD_QE" if tee == TEE_TDX else "QE",
        "version": 2,
        "miscselect": "00" * 4,
        "miscselectMask": "FF" * 4,
        "attributes": "11" + "00" * 15,
        "attributesMask": "FBFFFFFFFFFFFFFF" + "00" * 8,
        "mrsigner": QE_SIGNER.hex().upper(),
        "isvprodid": QE_PRODUCT[tee == TEE_TDX],
        "tcbLevels": [{"tcb": {"isvsvn": QE_SVN}, "tcbDate": _date(terms.issued), "tcbStatus": "UpToDate"}],
    }


def _stamp(terms: SimulatedTerms) -> dict[str, Any]:
    return {
        "issueDate": _date(terms.issued),
        "nextUpdate": _date(terms.expires),
        "tcbEvaluationDataNumber": terms.evaluation,
    }


def _components(svn: bytes) -> list[dict[str, int]]:
    return [{"svn": each} for each in svn]


def _date(seconds: int) -> str:
    return at_time(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


QE_MEASUREMENT = hashlib.sha256(b"sealgrid/simulated/qe").digest()
QE_AUTH = bytes(range(32))
HOUR = 3600


class MachineQuoter:
    """Signs quotes of one SIMULATED machine, whose key an authority certified. NOT A TEE.

    The certified part of a quote is created once; each quote costs one signature.
    """

    def __init__(self, pck: Key, chain: str, collateral: Collateral) -> None:
        self._pck, self._chain = pck, chain
        self.collateral = collateral  #: of every quote of ``quote``
        self._attestation = new_key()
        self._certified = {tee: self._quoting_enclave(tee) for tee in (TEE_TDX, TEE_SGX)}

    def quote(self, mrtd: bytes, mrconfigid: bytes, report_data: bytes) -> Quote:
        """Return a TDX v4 quote; 48, 48 and 64 bytes. Raises ValueError for other sizes."""
        report = td_report(mrtd=mrtd, mrconfigid=mrconfigid, report_data=report_data)
        return Quote(self.sign_td(report), self.collateral)

    def sign_td(self, report: bytes) -> bytes:
        """Sign any TD report, also a dishonest one (for tests)."""
        signature = self._sign(signed := header(4, TEE_TDX, QE_SVN, PCE_SVN) + report)
        return quote(signed, signature + certification(QE_REPORT, self._certified[TEE_TDX]))

    def sign_sgx(self, mrenclave: bytes, report_data: bytes, **fields: bytes) -> bytes:
        """Return an SGX v3 quote."""
        report = sgx_report(mrenclave=mrenclave, mrsigner=QE_SIGNER, report_data=report_data, cpu_svn=CPU_SVN, **fields)  # type: ignore[arg-type]
        signed = header(3, TEE_SGX, QE_SVN, PCE_SVN) + report
        return quote(signed, self._sign(signed) + self._certified[TEE_SGX])

    def _sign(self, signed: bytes) -> bytes:
        return sign_raw(self._attestation, signed) + raw_public(self._attestation)

    def _quoting_enclave(self, tee: int) -> bytes:
        # The platform's key signs the quoting enclave's report, which contains the hash of the key that signs quotes.
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
        return quoting_enclave(report, sign_raw(self._pck, report), QE_AUTH, self._chain.encode())


class SimulatedQuoter(MachineQuoter):
    """Signs quotes of a machine that is its own authority, with collateral valid from an hour before ``now``."""

    def __init__(self, keys: SimulatedPlatformKeys, *, now: int, days: int = 30) -> None:
        self._keys = keys
        self.terms = SimulatedTerms(issued=now - HOUR, expires=now + days * DAY)
        super().__init__(keys.pck.key, keys.chain, collateral(keys, self.terms))

    @property
    def root_der(self) -> bytes:
        """Return the root's certificate in DER form."""
        return self._keys.root_der

    @property
    def trust_root(self) -> TrustRoot:
        """Return the root as a verifier configures it."""
        return TrustRoot(Platform.SIMULATED, self.root_der)

    def collateral_with(self, tee: int = TEE_TDX, **changes: object) -> Collateral:
        """Return collateral with other terms, correctly signed."""
        return collateral(self._keys, replace(self.terms, **changes), tee)  # type: ignore[arg-type]
