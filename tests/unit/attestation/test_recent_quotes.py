"""A quote of a machine that was verified before is refused for whatever the complete verification refuses."""

from dataclasses import replace

import pytest

from sealgrid.attestation import recent_quotes, verification
from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot, VerifiedClaims
from sealgrid.attestation.recent_quotes import MAX_MACHINES, SECONDS, RecentQuotes
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest

NOW = 1_800_000_000
DAY = 86_400
MRTD, APP = b"\x0b" * 48, locked_config(to_digest(b"\x06" * 32))
KEYS = SimulatedPlatformKeys.generate(NOW)
MACHINE = SimulatedQuoter(KEYS, now=NOW)


def made(data: int = 1, *, machine: SimulatedQuoter = MACHINE, mrtd: bytes = MRTD, app: bytes = APP) -> Quote:
    return machine.quote(mrtd, app, bytes([data]) * 64)


def with_byte(quote: Quote, place: int) -> Quote:
    raw = bytearray(quote.raw)
    raw[place] ^= 1
    return replace(quote, raw=bytes(raw))


class Complete:
    """Counts the complete verifications."""

    def __init__(self) -> None:
        self.count = 0

    def verify(self, *args: object, **named: object) -> VerifiedClaims:
        self.count += 1
        return verification.verify(*args, **named)  # type: ignore[arg-type]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> Complete:
    complete = Complete()
    monkeypatch.setattr(recent_quotes, "verification", complete)
    return complete


def claims_of(
    recent: RecentQuotes, quote: Quote, *, at: int = NOW, root: TrustRoot = MACHINE.trust_root
) -> VerifiedClaims:
    return recent.verify(quote, [root], at=at, allow_simulated=True)


def knowing() -> RecentQuotes:
    recent = RecentQuotes()
    claims_of(recent, made())
    return recent


@pytest.mark.parametrize("at", [NOW, NOW + 1, NOW + SECONDS])
def test_claims_are_those_of_the_complete_verification(complete: Complete, at: int) -> None:
    recent = knowing()
    assert complete.count == 2  # at both ends of the time for which it counts
    quote = made(2)
    assert claims_of(recent, quote, at=at) == verification.verify(
        quote, [MACHINE.trust_root], at=at, allow_simulated=True
    )
    assert complete.count == 2


@pytest.mark.parametrize("at", [NOW - 1, NOW + SECONDS + 1])
def test_outside_of_its_time_a_verification_does_not_count(complete: Complete, at: int) -> None:
    recent = knowing()
    claims_of(recent, made(2), at=at)
    assert complete.count == 4


@pytest.mark.parametrize("place", range(0, 764, 7))
def test_a_known_quote_with_any_byte_changed_is_refused(place: int) -> None:
    recent, changed = knowing(), with_byte(made(2), place)
    with pytest.raises(EvidenceRefused) as whole:
        verification.verify(changed, [MACHINE.trust_root], at=NOW, allow_simulated=True)
    with pytest.raises(EvidenceRefused) as found:
        claims_of(recent, changed)
    assert found.value.check == whole.value.check


def test_a_signature_of_another_known_quote_is_refused() -> None:
    recent, one, other = knowing(), made(2), made(3)
    forged = one.raw[:636] + other.raw[636:700] + one.raw[700:]
    with pytest.raises(EvidenceRefused) as refused:
        claims_of(recent, replace(one, raw=forged))
    assert refused.value.check == "2.4"


def test_another_runtime_app_machine_collateral_root_or_rule_is_verified_completely(complete: Complete) -> None:
    recent = knowing()
    later = SimulatedQuoter(KEYS, now=NOW + 1)
    for number, quote in enumerate((made(mrtd=b"\x0c" * 48), made(app=bytes(48)), made(machine=later)), start=2):
        claims_of(recent, quote)
        assert complete.count == 2 * number
    stranger = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
    with pytest.raises(EvidenceRefused) as refused:
        claims_of(recent, made(machine=stranger))
    assert refused.value.check == "2.2"
    with pytest.raises(EvidenceRefused) as refused:
        claims_of(recent, replace(made(), collateral=Collateral(b"{}")))
    assert refused.value.check == "2.1"
    with pytest.raises(EvidenceRefused) as refused:
        claims_of(recent, made(), root=replace(MACHINE.trust_root, minimum_eval_number=10**6))
    assert refused.value.check == "2.5"
    with pytest.raises(EvidenceRefused) as refused:
        recent.verify(made(), [MACHINE.trust_root], at=NOW, allow_simulated=False)
    assert refused.value.check == "2.3"


def test_what_expires_within_the_time_is_verified_again(complete: Complete) -> None:
    expiry = next(day for day in range(1, 4000) if not holds(NOW + day * DAY))
    first = next(
        at for at in range(NOW + (expiry - 1) * DAY, NOW + expiry * DAY, SECONDS // 2) if not holds(at + SECONDS)
    )
    recent = RecentQuotes()
    claims_of(recent, made(), at=first)
    count = complete.count
    claims_of(recent, made(2), at=first)
    assert complete.count == count  # of this very moment
    with pytest.raises(EvidenceRefused) as refused:
        claims_of(recent, made(2), at=first + SECONDS)
    assert refused.value.check == "2.4"
    assert complete.count == count + 1


def holds(at: int) -> bool:
    try:
        verification.verify(made(), [MACHINE.trust_root], at=at, allow_simulated=True)
    except EvidenceRefused:
        return False
    return True


def test_the_number_of_known_machines_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_quotes, "MAX_MACHINES", 2)
    recent = knowing()
    for number in range(3):
        claims_of(recent, made(mrtd=bytes([number]) * 48))
    assert len(recent._known) == 2
    assert MAX_MACHINES > 2
