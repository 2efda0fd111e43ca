"""What Intel would publish about a machine, published by a SIMULATED platform about itself (PCS API v4)."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from sealgrid.attestation.evidence import Collateral
from sealgrid.attestation.quote_format import TDX_TCB_SVN, TEE_TDX
from sealgrid.attestation.simulated_keys import SimulatedPlatformKeys
from sealgrid.attestation.simulated_pki import (
    CPU_SVN,
    FMSPC,
    PCE_ID,
    PCE_SVN,
    at_time,
    pem,
    revocation_list,
    sign_raw,
)

QE_SVN = 8
QE_SIGNER = hashlib.sha256(b"sealgrid/simulated/qe-signer").digest()
QE_PRODUCT = {True: 2, False: 1}  #: ISVPRODID of the quoting enclave for TDs and for SGX enclaves
EVALUATION = 17


@dataclass(frozen=True, slots=True)
class SimulatedTerms:
    """How a machine is judged. The defaults are a good machine; tests vary them to make bad ones."""

    issued: int  #: Unix seconds
    expires: int  #: Unix seconds
    evaluation: int = EVALUATION
    status: str = "UpToDate"
    advisories: tuple[str, ...] = ()
    required_svn: bytes = CPU_SVN  #: 16 components that the machine must have reached
    pck_revoked: bool = False


def collateral(keys: SimulatedPlatformKeys, terms: SimulatedTerms, tee: int = TEE_TDX) -> Collateral:
    """Return collateral under these terms for quotes of TDs, or of SGX enclaves."""
    valid = (terms.issued, terms.expires)
    info, identity = (msgspec.json.encode(each) for each in (_tcb_info(terms, tee), _qe_identity(terms, tee)))
    signers = pem(keys.tcb.certificate, keys.root.certificate)
    revoked = [keys.pck.certificate] if terms.pck_revoked else []
    whole = {
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
    return Collateral(msgspec.json.encode(whole))


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
