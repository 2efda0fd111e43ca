"""The address of a shared network is one of this machine, and its certificate can be used."""

import socket

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.public_address import public_address
from tests.unit.wire.certificates import write_certificate


def test_without_a_host_the_network_is_on_loopback_for_a_proxy():
    assert public_address().ip == "127.0.0.1"


def test_a_name_is_announced_as_it_is_given_and_listens_on_its_address():
    address = public_address("localhost")
    assert (address.host, address.ip in {"127.0.0.1", "::1"}) == ("localhost", True)


def test_an_ipv6_address_stands_in_brackets_in_urls():
    if not socket.has_ipv6:
        return
    assert public_address("::1").url_host == "[::1]"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.77", "no-such-host.invalid", "foo..bar", "a" * 70])
def test_an_address_that_others_cannot_use_is_refused_with_what_to_do(host):
    with pytest.raises(InputRefused, match="ip address"):
        public_address(host)


def test_a_certificate_makes_the_urls_https(tmp_path):
    certificate, key = write_certificate(tmp_path, "127.0.0.1")
    assert public_address("127.0.0.1", certificate, key).scheme == "https"


def test_a_certificate_without_its_key_is_refused(tmp_path):
    certificate, key = write_certificate(tmp_path, "127.0.0.1")
    for pair in ((certificate, None), (None, key)):
        with pytest.raises(InputRefused, match="give both"):
            public_address("127.0.0.1", *pair)


def test_a_key_of_another_certificate_is_refused(tmp_path):
    certificate, _ = write_certificate(tmp_path, "127.0.0.1")
    (tmp_path / "other").mkdir()
    _, other = write_certificate(tmp_path / "other", "127.0.0.1")
    with pytest.raises(InputRefused, match="cannot be used"):
        public_address("127.0.0.1", certificate, other)


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", "127.0.0.1"), ("::1", "1")])
def test_the_network_is_named_after_its_host(host, name):
    assert public_address(host).network_name == name
