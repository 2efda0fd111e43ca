"""A port belongs to the process that listens on it."""

import os
import socket

from sealgrid.chain.anvil import is_listening


def test_a_process_listens_on_its_own_port_alone():
    with socket.socket() as listening, socket.socket() as bound:
        listening.bind(("127.0.0.1", 0))
        bound.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert is_listening(os.getpid(), port)
        assert not is_listening(os.getppid(), port)
        assert not is_listening(os.getpid(), bound.getsockname()[1])
    assert not is_listening(os.getpid(), port)
