"""Ports of a local network's parts: free ones, or in sequence from the chain's."""

import socket

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.listen_sockets import ListenSockets
from sealgrid.localnet.public_address import public_address
from tests.unit.wire.certificates import write_certificate


def test_port_zero_takes_free_ports():
    sockets = ListenSockets(0)
    ports = [sockets.open(name).getsockname()[1] for name in ("market", "pool")]
    assert len({sockets.chain_port, *ports}) == 3
    assert sockets.url("pool") == f"http://127.0.0.1:{ports[1]}"
    assert sockets.of("market").getsockname()[1] == ports[0]
    for name in ("market", "pool"):
        sockets.of(name).close()


def test_a_taken_port_is_refused_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputRefused, match=f"port {port} is taken; choose another one with --port"):
            ListenSockets(port)


def test_in_a_shared_network_all_parts_but_the_platform_listen_on_its_address():
    sockets = ListenSockets(0, public_address("127.0.0.3"))
    market, platform = sockets.open("market"), sockets.open("platform", private=True)
    try:
        assert sockets.of("chain-proxy").getsockname()[0] == market.getsockname()[0] == "127.0.0.3"
        assert platform.getsockname()[0] == "127.0.0.1"
        assert sockets.url("market") == f"http://127.0.0.3:{market.getsockname()[1]}"
        assert sockets.url("platform") == f"http://127.0.0.1:{platform.getsockname()[1]}"
        assert sockets.chain_port != sockets.of("chain-proxy").getsockname()[1]
    finally:
        for part in ("chain-proxy", "market", "platform"):
            sockets.of(part).close()


def test_a_certificate_makes_https_urls(tmp_path):
    certificate, key = write_certificate(tmp_path, "127.0.0.1")
    sockets = ListenSockets(0, public_address("127.0.0.1", certificate, key))
    assert sockets.url("chain-proxy").startswith("https://127.0.0.1:")
    sockets.of("chain-proxy").close()
