"""Intel machines under an authority that is not marked as simulated, as roots of real SGX and TDX have."""

from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from unittest import mock

from cryptography import x509

from sealgrid.attestation import simulated_pki
from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.evidence import Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TEE_SGX, TEE_TDX, td_report
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.units import to_digest

NOW = 1_790_000_000
APP = to_digest(b"\xaa" * 32)
MRENCLAVE, MRTD = b"\x11" * 32, bytes(range(48))
REPORT_DATA = bytes(range(64))
TEES = {Platform.SGX: TEE_SGX, Platform.TDX: TEE_TDX, Platform.SIMULATED: TEE_TDX}
_DYNAMIC = simulated_pki._sequence(simulated_pki._field("7.1", b"\x01\x01\xff"))  # Intel's PCK profile: BOOLEAN true


def machine(platform, name="ours", *, dynamic=False):
    return _machine(platform, name, dynamic)


@cache
def _machine(platform, name, dynamic):
    with _unmarked(platform), _extensible(dynamic):
        return SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)


def root(platform, name="ours", *, dynamic=False, **terms):
    der = machine(platform, name, dynamic=dynamic).root_der
    return replace(TrustRoot(platform, der), minimum_eval_number=17, **terms)


def quote(platform, name="ours", *, dynamic=False, collateral=None, report_data=REPORT_DATA, **changes):
    """A quote of this platform; ``collateral`` are other terms, ``changes`` fields of the report."""
    made = machine(platform, name, dynamic=dynamic)
    judged = made.collateral_with(TEES[platform], **collateral or {})
    if platform is Platform.SGX:
        return Quote(made.sign_sgx(changes.pop("mrenclave", MRENCLAVE), report_data, **changes), judged)
    usual = {"mrtd": MRTD, "mrconfigid": locked_config(APP), "report_data": report_data}
    return Quote(made.sign_td(td_report(**usual | changes)), judged)


@contextmanager
def _unmarked(platform):
    if platform is Platform.SIMULATED:
        yield
        return
    named = lambda name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Test {name}")])  # noqa: E731
    with mock.patch.object(simulated_pki, "_subject", named):
        yield


@contextmanager
def _extensible(dynamic):
    usual = simulated_pki._sgx_extension

    def extended(ppid):
        body = usual(ppid)
        inner = body[4:] if body[1] == 0x82 else body[3:]
        return simulated_pki._tlv(0x30, inner + simulated_pki._field("7", _DYNAMIC))

    with mock.patch.object(simulated_pki, "_sgx_extension", extended if dynamic else usual):
        yield
