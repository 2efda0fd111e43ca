"""A network that cannot be shared as its options say does not start, and leaves nothing behind."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.account_seed import is_shared
from sealgrid.localnet.layout import Layout, NetworkOptions
from sealgrid.localnet.start import start
from tests.unit.wire.certificates import write_certificate


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "net")


def refused(layout, options, reason):
    def fail(part):
        raise AssertionError(f"{part} was started")

    with pytest.raises(InputRefused, match=reason):
        start(layout, options, [], fail)


def test_a_host_that_cannot_be_used_leaves_the_network_unshared(layout):
    refused(layout, NetworkOptions(host="192.0.2.77"), "is not an address of this machine")
    assert not is_shared(layout)


def test_a_certificate_that_cannot_be_used_leaves_the_network_unshared(layout, tmp_path):
    certificate, _ = write_certificate(tmp_path, "127.0.0.1")
    refused(layout, NetworkOptions(host="127.0.0.1", certificate=certificate), "give both")
    assert not is_shared(layout)


def test_a_certificate_without_a_host_is_refused(layout, tmp_path):
    certificate, key = write_certificate(tmp_path, "127.0.0.1")
    for options in (
        NetworkOptions(certificate=certificate, certificate_key=key),
        NetworkOptions(certificate=certificate),
        NetworkOptions(certificate_key=key),
    ):
        refused(layout, options, "give its --host, too")
