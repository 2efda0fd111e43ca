"""Read the claims that dcap-qvl verified, and turn the measurements in them into our identities."""

from dataclasses import dataclass

import msgspec

from sealgrid.attestation.binding import locked_app
from sealgrid.attestation.evidence import TrustRoot, VerifiedClaims
from sealgrid.attestation.policy import Platform
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest

SEPT_VE_DISABLE = bytes.fromhex("0000001000000000")  #: the one TD attribute that is right: no debug, no migration
SGX_DEBUG = 0x02
WEAK_TD = "the TD's attributes allow what weakens it: debugging, profiling, migration or a service TD."


class _Sgx(msgspec.Struct, frozen=True):
    attributes: str
    mr_enclave: str
    report_data: str


class _Td(msgspec.Struct, frozen=True):
    td_attributes: str
    mr_td: str
    mr_config_id: str
    rt_mr0: str
    rt_mr1: str
    rt_mr2: str
    report_data: str
    mr_service_td: str = ""


class _Report(msgspec.Struct, frozen=True):
    sgx: _Sgx | None = msgspec.field(default=None, name="SgxEnclave")
    td10: _Td | None = msgspec.field(default=None, name="TD10")
    td15: _Td | None = msgspec.field(default=None, name="TD15")


class _Tcb(msgspec.Struct, frozen=True):
    status: str
    advisory_ids: tuple[str, ...]
    eval_data_number: int


class _Pck(msgspec.Struct, frozen=True):
    ppid: list[int]
    fmspc: list[int]


class _Platform(msgspec.Struct, frozen=True):
    pck: _Pck


class _QuotingEnclave(msgspec.Struct, frozen=True):
    tcb_eval_data_number: int


class _ClaimsDocument(msgspec.Struct, frozen=True):
    tcb: _Tcb
    platform: _Platform
    qe: _QuotingEnclave
    report: _Report


@dataclass(frozen=True, slots=True)
class QuoteFacts:
    """A quote whose signatures hold, before its report is interpreted."""

    document: _ClaimsDocument

    @property
    def status(self) -> str:
        """Return the TCB's status."""
        return self.document.tcb.status

    @property
    def eval_number(self) -> int:
        """Return the lower evaluation number of platform and quoting enclave."""
        return min(self.document.tcb.eval_data_number, self.document.qe.tcb_eval_data_number)

    def claims_for(self, root: TrustRoot) -> VerifiedClaims:
        """Interpret the report as one of the root's platform; raise EvidenceRefused (3.4) when it is none."""
        report = self.document.report
        if root.platform is Platform.SGX and report.sgx is not None:
            return self._sgx(report.sgx, root)
        td = report.td10 or report.td15
        if root.platform in (Platform.TDX, Platform.SIMULATED) and td is not None:
            return self._td(td, root)
        raise EvidenceRefused("3.4", f"this kind of report is none that {root.platform.name} makes.")

    def _sgx(self, report: _Sgx, root: TrustRoot) -> VerifiedClaims:
        if bytes.fromhex(report.attributes)[0] & SGX_DEBUG:
            raise EvidenceRefused("3.4", "the enclave's attributes allow debugging.")
        # SGX holds the app's files in its own measurement, so nothing further is locked.
        return self._claims(root, (report.mr_enclave,), b"", report.report_data)

    def _td(self, report: _Td, root: TrustRoot) -> VerifiedClaims:
        if bytes.fromhex(report.td_attributes) != SEPT_VE_DISABLE or any(bytes.fromhex(report.mr_service_td)):
            raise EvidenceRefused("3.4", WEAK_TD)
        measured: tuple[str, ...] = (report.mr_td,)
        if root.platform is Platform.TDX:
            measured += (report.rt_mr0, report.rt_mr1, report.rt_mr2)
        return self._claims(root, measured, bytes.fromhex(report.mr_config_id), report.report_data)

    def _claims(self, root: TrustRoot, measured: tuple[str, ...], config: bytes, report_data: str) -> VerifiedClaims:
        tcb, pck = self.document.tcb, self.document.platform.pck
        return VerifiedClaims(
            platform=root.platform,
            measurements=tuple(bytes.fromhex(each) for each in measured),
            locked_app=locked_app(config),
            report_data=bytes.fromhex(report_data),
            machine=bytes(pck.ppid).hex(),
            fmspc=bytes(pck.fmspc).hex(),
            tcb_status=tcb.status,
            advisories=tcb.advisory_ids,
            eval_number=self.eval_number,
            series=to_digest(sha256(root.root_ca_der)),
        )


def read_claims(document: str) -> QuoteFacts:
    """Read dcap-qvl's JSON; raise EvidenceRefused (2.4) when it has another form than version 0.7 writes."""
    try:
        return QuoteFacts(msgspec.json.decode(document, type=_ClaimsDocument))
    except UNREADABLE as error:
        raise EvidenceRefused("2.4", "the verifier's claims cannot be read; check the version of dcap-qvl.") from error
