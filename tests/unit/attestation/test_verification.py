"""One named bad file per numbered check, for every platform; the numbers are those of docs/protocol/evidence.md."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.verification import verify
from sealgrid.errors import EvidenceRefused
from tests.unit.attestation import hardware_machines as hardware
from tests.unit.attestation import snp_machine as amd

NOW = hardware.NOW
INTEL = (Platform.SGX, Platform.TDX, Platform.SIMULATED)
DEBUG_ENCLAVE = bytes.fromhex("07000000000000000700000000000000")
DEBUG_TD, PERFMON_TD = bytes.fromhex("0100001000000000"), bytes.fromhex("0000001000000080")
SOURCE = Path(__file__).parents[3] / "src" / "sealgrid"
DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol" / "evidence.md"


@dataclass(frozen=True)
class Bad:
    """One bad file: its name says what is wrong."""

    platform: Platform
    check: str
    name: str
    quote: Quote
    root: TrustRoot
    simulated: bool = True


def flipped(quote, at):
    raw = bytearray(quote.raw)
    raw[at] ^= 1
    return replace(quote, raw=bytes(raw))


def intel(platform):
    good, root = hardware.quote(platform), hardware.root(platform)
    debug = {"attributes": DEBUG_ENCLAVE if platform is Platform.SGX else DEBUG_TD}
    dynamic = hardware.quote(platform, dynamic=True)
    other_kind = Platform.TDX if platform is Platform.SGX else Platform.SGX
    return [
        Bad(platform, "2.1", "collateral-is-no-json", replace(good, collateral=Collateral(b"{")), root),
        Bad(platform, "2.2", "chain-of-another-authority", hardware.quote(platform, "theirs"), root),
        Bad(platform, "2.4", "report-has-one-flipped-bit", flipped(good, 48 + 64), root),
        Bad(
            platform, "2.5", "collateral-is-rolled-back", hardware.quote(platform, collateral={"evaluation": 16}), root
        ),
        Bad(platform, "3.1", "debugging-is-on", hardware.quote(platform, **debug), root),
        Bad(
            platform,
            "3.2",
            "firmware-is-out-of-date",
            hardware.quote(platform, collateral={"status": "OutOfDate"}),
            root,
        ),
        Bad(platform, "3.3", "packages-may-be-added", dynamic, hardware.root(platform, dynamic=True)),
        Bad(platform, "3.4", "report-is-of-another-kind", _of_kind(platform, other_kind), root),
    ]


def _of_kind(platform, kind):
    """What the platform's own authority signed about a machine of the other kind."""
    made = hardware.machine(platform)
    if kind is Platform.SGX:
        return Quote(made.sign_sgx(hardware.MRENCLAVE, hardware.REPORT_DATA), made.collateral_with(hardware.TEES[kind]))
    report = hardware.td_report(mrtd=hardware.MRTD, mrconfigid=bytes(48), report_data=hardware.REPORT_DATA)
    return Quote(made.sign_td(report), made.collateral_with(hardware.TEES[kind]))


def snp():
    ours = amd.SnpMachine()
    root, old = ours.root, replace(ours.root, minimum_eval_number=6)
    stale = ours.collateral(revocation_list=ours.revocation_list(revoked=[7]))
    out_of_date = replace(root, least_tcb=amd.TcbVersion(snp=25))
    return [
        Bad(Platform.SNP, "2.1", "report-of-an-unknown-version", ours.quote(version=9), root),
        Bad(Platform.SNP, "2.2", "chain-of-another-authority", amd.SnpMachine(authority="theirs").quote(), root),
        Bad(Platform.SNP, "2.4", "intermediate-was-withdrawn", ours.quote(stale), root),
        Bad(Platform.SNP, "2.5", "revocation-list-is-rolled-back", ours.quote(), old),
        Bad(Platform.SNP, "2.6", "leaf-is-another-chips", ours.quote(chip=amd.CHIP[::-1]), root),
        Bad(Platform.SNP, "2.7", "measurement-has-one-flipped-bit", flipped(ours.quote(), 0x90), root),
        Bad(Platform.SNP, "3.1", "debugging-is-allowed", ours.quote(policy=amd.GOOD_POLICY | 1 << 19), root),
        Bad(Platform.SNP, "3.2", "firmware-is-below-the-floor", ours.quote(), out_of_date),
        Bad(Platform.SNP, "3.3", "below-a-service-module", ours.quote(vmpl=1), root),
        Bad(Platform.SNP, "3.4", "guest-may-migrate", ours.quote(policy=amd.GOOD_POLICY | 1 << 18), root),
    ]


def simulated_only():
    good, root = hardware.quote(Platform.SIMULATED), hardware.root(Platform.SIMULATED)
    return [Bad(Platform.SIMULATED, "2.3", "simulated-is-not-allowed", good, root, simulated=False)]


BAD = [bad for platform in INTEL for bad in intel(platform)] + snp() + simulated_only()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.platform.name}-{bad.check}-{bad.name}")
def test_a_bad_file_is_refused_by_its_check(bad):
    with pytest.raises(EvidenceRefused) as caught:
        verify(bad.quote, [bad.root], at=NOW, allow_simulated=bad.simulated)
    assert caught.value.check == bad.check, caught.value


@pytest.mark.parametrize("platform", Platform, ids=lambda platform: platform.name)
def test_every_published_check_has_its_bad_file(platform):
    text = DOCUMENT.read_text().partition("## Verification")[2].partition("\n## ")[0]
    intels, amds = text.split("Reports of SEV-SNP", 1)
    numbers = set(re.findall(r"^\| ([23]\.\d) \|", amds if platform is Platform.SNP else intels, re.MULTILINE))
    if platform in (Platform.SGX, Platform.TDX):
        numbers.discard("2.3")  # a root that stands for hardware is never a simulated one
    assert {bad.check for bad in BAD if bad.platform is platform} == numbers


@pytest.mark.parametrize("platform", INTEL, ids=lambda platform: platform.name)
def test_what_the_bad_files_were_made_from_is_good(platform):
    assert (
        verify(hardware.quote(platform), [hardware.root(platform)], at=NOW, allow_simulated=True).platform is platform
    )


@pytest.mark.parametrize("platform", [Platform.SGX, Platform.TDX], ids=lambda platform: platform.name)
def test_an_extensible_machine_counts_where_its_root_accepts_it(platform):
    accepting = hardware.root(platform, dynamic=True, traits=frozenset({"dynamic_platform"}))
    assert verify(hardware.quote(platform, dynamic=True), [accepting], at=NOW, allow_simulated=False)


def test_3_4_a_td_that_counts_performance_is_refused():
    quote = hardware.quote(Platform.TDX, attributes=PERFMON_TD)
    with pytest.raises(EvidenceRefused) as caught:
        verify(quote, [hardware.root(Platform.TDX)], at=NOW, allow_simulated=False)
    assert caught.value.check == "3.4"


def test_a_root_for_both_of_intels_platforms_tells_them_apart_by_what_is_signed():
    """Under one authority: each report is of its own platform, and neither passes as the other."""
    der = hardware.machine(Platform.SGX).root_der
    roots = [TrustRoot(Platform.TDX, der), TrustRoot(Platform.SGX, der)]
    assert verify(hardware.quote(Platform.SGX), roots, at=NOW, allow_simulated=False).platform is Platform.SGX
    td = _of_kind(Platform.SGX, Platform.TDX)
    assert verify(td, roots, at=NOW, allow_simulated=False).platform is Platform.TDX
    for forged, kind in ((hardware.quote(Platform.SGX), 0x81), (td, 0)):
        raw = forged.raw[:4] + kind.to_bytes(4, "little") + forged.raw[8:]
        with pytest.raises(EvidenceRefused):
            verify(replace(forged, raw=raw), roots, at=NOW, allow_simulated=False)


def test_only_the_verifier_makes_claims():
    makers = {path.name for path in SOURCE.rglob("*.py") if "VerifiedClaims(" in path.read_text()}
    assert makers == {"dcap.py", "snp.py"}
    callers = {path.name for path in SOURCE.rglob("*.py") if "claims_for(" in path.read_text()}
    assert callers == {"dcap.py"}
    doors = {path.name for path in SOURCE.rglob("*.py") if {"dcap.verify(", "snp.verify("} & set(_calls(path))}
    assert doors == {"verification.py"}


def _calls(path):
    return [call for call in ("dcap.verify(", "snp.verify(") if call in path.read_text()]
