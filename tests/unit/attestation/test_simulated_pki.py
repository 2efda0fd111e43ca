"""Keys and certificates of the simulated platform: saved, loaded, marked as simulated, never shown."""

import pytest
from cryptography import x509

from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import InputRefused
from tests.unit.attestation.machines import NOW


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
