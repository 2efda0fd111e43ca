"""Ports of a local network's parts: free ones, or in sequence from the chain's."""

import socket

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.listen_sockets import ListenSockets


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
