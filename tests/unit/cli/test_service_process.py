"""A service of one command: told ready to terminal and service manager, or refused at an address that is taken."""

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealgrid.cli.service_process import run_service
from sealgrid.errors import InputRefused


@pytest.fixture(autouse=True)
def restore_root() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = before, level


async def answers_nothing(sock: socket.socket, ready: Callable[[], None]) -> None:
    with sock:
        ready()


def test_terminal_and_service_manager_hear_that_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        run_service(answers_nothing, "127.0.0.1", 0)
        assert manager.recv(100) == b"READY=1"
    assert "ready at 127.0.0.1:" in capsys.readouterr().err


def test_an_address_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputRefused, match="cannot be used"):
            run_service(answers_nothing, *taken.getsockname())
