"""Simulated machines and quotes for the attack tests, at one fixed time."""

from dataclasses import replace
from functools import cache

from sealgrid.attestation import verification
from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.evidence import Quote
from sealgrid.attestation.quote_format import TEE_SGX, TEE_TDX
from sealgrid.attestation.simulated import DAY, SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.units import to_digest

NOW = 1_790_000_000
MRTD = bytes(range(48))
APP = to_digest(b"\xaa" * 32)
REPORT_DATA = bytes(range(64))


@cache
def machine(name="ours"):
    return SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)


def good_quote():
    return machine().quote(MRTD, locked_config(APP), REPORT_DATA)


def under(terms, *, tee=TEE_TDX):
    """A good quote with collateral under other terms."""
    changed = machine().collateral_with(tee, **terms)
    return replace(good_quote(), collateral=changed) if tee == TEE_TDX else Quote(good_sgx(), changed)


def good_sgx(**fields):
    return machine().sign_sgx(b"\x11" * 32, REPORT_DATA, **fields)


def sgx_quote(**fields):
    return Quote(good_sgx(**fields), machine().collateral_with(TEE_SGX))


def verify(quote, *roots, at=NOW, least=17, simulated=True):
    fresh = [replace(root, minimum_eval_number=least) for root in roots or (machine().trust_root,)]
    return verification.verify(quote, fresh, at=at, allow_simulated=simulated)


__all__ = ["APP", "DAY", "MRTD", "NOW", "REPORT_DATA"]
