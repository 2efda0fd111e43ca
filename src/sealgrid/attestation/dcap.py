"""Verifies SGX and TDX quotes (Intel DCAP).

dcap-qvl checks signatures and TCB status; this module checks roots, rollback and the report, and derives identities.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import dcap_qvl  # type: ignore[import-untyped]
import msgspec

from sealgrid.attestation.binding import locked_app
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims, find_roots
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TEE_TDX
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, EvidenceRefused
from sealgrid.units import to_digest

SEPT_VE_DISABLE = bytes.fromhex("0000001000000000")  #: the only accepted TD attributes: no debug, no migration
SGX_DEBUG = 0x02
MAX_QUOTE_BYTES = 64 << 10
MAX_COLLATERAL_BYTES = 1 << 20
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
    """A quote with verified signatures; its report is not interpreted yet."""

    document: _ClaimsDocument

    @property
    def status(self) -> str:
        """Return the TCB status."""
        return self.document.tcb.status

    @property
    def eval_number(self) -> int:
        """Return the lower evaluation number of platform and quoting enclave."""
        return min(self.document.tcb.eval_data_number, self.document.qe.tcb_eval_data_number)

    def claims_for(self, root: TrustRoot) -> VerifiedClaims:
        """Interpret the report for the root's platform; raise EvidenceRefused (3.4) if it does not match."""
        report = self.document.report
        if root.platform is Platform.SGX and report.sgx is not None:
            if bytes.fromhex(report.sgx.attributes)[0] & SGX_DEBUG:  # (3.4)
                raise EvidenceRefused("3.4", "the enclave's attributes allow debugging.")
            # The SGX measurement covers the app's files; there is no locked field.
            return self._claims(root, (report.sgx.mr_enclave,), b"", report.sgx.report_data)
        td = report.td10 or report.td15
        if root.platform in (Platform.TDX, Platform.SIMULATED) and td is not None:
            attributes, service_td = bytes.fromhex(td.td_attributes), bytes.fromhex(td.mr_service_td)
            if attributes != SEPT_VE_DISABLE or any(service_td):  # (3.4)
                raise EvidenceRefused("3.4", WEAK_TD)
            run_time = (td.rt_mr0, td.rt_mr1, td.rt_mr2) if root.platform is Platform.TDX else ()
            return self._claims(root, (td.mr_td, *run_time), bytes.fromhex(td.mr_config_id), td.report_data)
        raise EvidenceRefused("3.4", f"this kind of report does not come from {root.platform.name}.")

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


def parse_claims(document: str) -> QuoteFacts:
    """Parse dcap-qvl's JSON; raise EvidenceRefused (2.4) unless it has the form of version 0.7."""
    try:
        return QuoteFacts(msgspec.json.decode(document, type=_ClaimsDocument))
    except DECODE_ERRORS as error:
        raise EvidenceRefused("2.4", "the verifier's claims cannot be read; check the version of dcap-qvl.") from error


# Messages of dcap-qvl 0.7 for genuine quotes that its policy refuses. They only select the number of the check: any
# other error is refused as (2.4).
_CHECK_BY_FRAGMENT = (
    ("Debug mode", "3.1", "the enclave runs in debug mode; the host can read its memory."),
    ("TCB status", "3.2", "the machine's firmware is out of date or revoked; update it."),
    ("No matching TCB level", "3.2", "the machine's firmware is out of date or revoked; update it."),
    ("enabled", "3.4", WEAK_TD),
    ("TD attributes", "3.4", WEAK_TD),
    ("by policy", "3.3", "the machine has a trait that its root of trust is not configured to accept."),
)

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def verify(quote: Quote, roots: Sequence[TrustRoot], *, at: int, allow_simulated: bool) -> VerifiedClaims:
    """Return what a quote of SGX, TDX or the simulated platform proves at the Unix time ``at``.

    (2.1) The quote and its collateral can be parsed.
    (2.2) The certificate chain ends at a configured root, which determines the platform. An Intel root may be
          configured for SGX and for TDX: the kind of the signed report distinguishes them.
    (2.3) A simulated root is accepted only with ``allow_simulated``.
    (2.4) Every signature, certificate, revocation list and date is valid at ``at``.
    (2.5) The collateral's evaluation number is at least the root's minimum (no rollback).
    (3.1) Debug is off.
    (3.2) The TCB of the machine and of its quoting enclave is up to date, or has a status that the root accepts.
    (3.3) The machine has only traits that its root accepts.
    (3.4) The report matches the root's platform and has no attribute that weakens it.

    The caller checks runtime, app and report data. Numbers (2) and (3) of docs/protocol/evidence.md; raises
    EvidenceRefused with the number.
    """
    if len(quote.raw) > MAX_QUOTE_BYTES or len(quote.collateral.raw) > MAX_COLLATERAL_BYTES:  # (2.1)
        raise EvidenceRefused("2.1", "the quote or its collateral is larger than the limit.")
    try:
        collateral = dcap_qvl.QuoteCollateralV3.from_json(quote.collateral.raw.decode())
    except ValueError as error:  # (2.1)
        raise EvidenceRefused("2.1", "the collateral cannot be read.") from error
    root = _find_root(quote, roots)  # (2.2)
    if root.platform is Platform.SIMULATED and not allow_simulated:  # (2.3)
        raise EvidenceRefused("2.3", "simulated evidence proves nothing and is not accepted here.")
    facts = _verify_signatures(quote, collateral, root, at)  # (2.4) (3.1) (3.2) (3.3)
    if facts.eval_number < root.minimum_eval_number:  # (2.5)
        raise EvidenceRefused("2.5", "the collateral is older than collateral used before; fetch it again.")
    if facts.status not in {"UpToDate", *root.statuses}:  # (3.2) again: the claims must agree with the policy
        raise EvidenceRefused("3.2", f"the machine's TCB is {facts.status}.")
    return facts.claims_for(root)  # (3.4)


def _find_root(quote: Quote, roots: Sequence[TrustRoot]) -> TrustRoot:
    try:
        chain = dcap_qvl.Quote.parse(quote.raw).cert_chain_pem_bytes() or b""
        last_certificate = base64.b64decode(_CERTIFICATE.findall(chain)[-1])
    except (ValueError, IndexError) as error:  # (2.1)
        raise EvidenceRefused("2.1", "the quote cannot be read, or carries no certificates.") from error
    candidates = find_roots(roots, last_certificate)
    # Only an Intel root is configured twice. The unverified header selects the policy; (3.4) verifies the choice.
    kind = Platform.TDX if quote.raw[4:8] == TEE_TDX.to_bytes(4, "little") else Platform.SGX
    return next((root for root in candidates if root.platform is kind), candidates[0])


def _verify_signatures(quote: Quote, collateral: dcap_qvl.QuoteCollateralV3, root: TrustRoot, at: int) -> QuoteFacts:
    policy = dcap_qvl.QuotePolicy.strict(at)
    policy = policy.allow_dynamic_platform("dynamic_platform" in root.traits)
    policy = policy.allow_cached_keys("cached_keys" in root.traits).allow_smt("smt" in root.traits)
    for status in root.statuses:
        policy = policy.allow_status(status)
    verifier = dcap_qvl.QuoteVerifier(root.root_ca_der)
    try:
        return parse_claims(verifier.verify_with_policy(quote.raw, collateral, at, policy).to_json())
    except ValueError as error:
        invalid = ("2.4", "a signature, certificate, revocation list or date of the evidence is not valid.")
        refusals = ((number, reason) for fragment, number, reason in _CHECK_BY_FRAGMENT if fragment in str(error))
        raise EvidenceRefused(*next(refusals, invalid)) from error
