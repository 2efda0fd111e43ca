"""The simulated platform: keeps its root over a restart, says what it is, and shows no key."""

import pytest
from cryptography import x509
from machines import APP, DAY, MRTD, NOW, REPORT_DATA, machine, verify

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.quote_format import TD_PRODUCTION, sgx_report, td_report
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import InputRefused


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


def test_every_certificate_and_the_saved_file_say_that_they_are_simulated():
    keys = SimulatedPlatformKeys.generate(NOW)
    for part in (keys.root, keys.ca, keys.pck, keys.tcb):
        assert "SIMULATED" in part.certificate.subject.rfc4514_string()
    assert b"SIMULATED" in keys.save()
    assert x509.load_der_x509_certificate(keys.root_der).issuer == keys.root.certificate.subject


def test_keys_show_nothing_of_themselves():
    assert "PRIVATE" not in repr(SimulatedPlatformKeys.generate(NOW))


@pytest.mark.parametrize("saved", [b"", b"{}", b"[]", b'{"keys":{},"certificates":{}}'])
def test_a_file_that_holds_no_keys_is_refused(saved):
    with pytest.raises(InputRefused, match="not contain valid keys"):
        SimulatedPlatformKeys.load(saved)


def test_a_file_whose_certificate_is_about_another_key_is_refused_without_showing_it():
    ours, theirs = SimulatedPlatformKeys.generate(NOW).save(), SimulatedPlatformKeys.generate(NOW).save()
    mixed = ours.split(b'"certificates"')[0] + b'"certificates"' + theirs.split(b'"certificates"')[1]
    with pytest.raises(InputRefused) as caught:
        SimulatedPlatformKeys.load(mixed)
    assert "PRIVATE" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("sizes", [(0, 48, 64), (48, 47, 64), (48, 48, 65)])
def test_a_field_of_the_wrong_size_is_never_quoted(sizes):
    with pytest.raises(ValueError, match="wrong size"):
        machine().quote(*(bytes(size) for size in sizes))


def test_report_bodies_have_the_sizes_of_the_format():
    td = td_report(mrtd=MRTD, mrconfigid=bytes(48), report_data=REPORT_DATA, attributes=TD_PRODUCTION)
    sgx = sgx_report(mrenclave=bytes(32), mrsigner=bytes(32), report_data=REPORT_DATA, cpu_svn=bytes(16))
    assert (len(td), len(sgx)) == (584, 384)
