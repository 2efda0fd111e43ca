"""Quotes of the simulated platform: one root and one machine, also after a restart."""

import pytest

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from tests.unit.attestation.machines import APP, DAY, MRTD, NOW, REPORT_DATA, machine, verify


def test_a_restarted_platform_keeps_its_root_and_its_machine():
    keys = SimulatedPlatformKeys.generate(NOW)
    again = SimulatedPlatformKeys.load(keys.save())
    assert again.root_der == keys.root_der
    later = SimulatedQuoter(again, now=NOW + 400 * DAY)
    root = SimulatedQuoter(keys, now=NOW).trust_root
    claims = verify(later.quote(MRTD, locked_config(APP), REPORT_DATA), root, at=NOW + 400 * DAY)
    first = verify(SimulatedQuoter(keys, now=NOW).quote(MRTD, locked_config(APP), REPORT_DATA), root)
    assert claims.machine == first.machine


def test_two_platforms_have_two_roots_and_two_machines():
    one, two = machine("one"), machine("two")
    assert one.root_der != two.root_der
    quotes = [each.quote(MRTD, locked_config(APP), REPORT_DATA) for each in (one, two)]
    first, second = (verify(quote, each.trust_root) for quote, each in zip(quotes, (one, two), strict=True))
    assert first.machine != second.machine
    assert first.measurements == second.measurements


@pytest.mark.parametrize("sizes", [(0, 48, 64), (48, 47, 64), (48, 48, 65)])
def test_a_field_of_the_wrong_size_is_never_quoted(sizes):
    with pytest.raises(ValueError, match="wrong size"):
        machine().quote(*(bytes(size) for size in sizes))
