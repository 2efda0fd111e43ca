"""Tells the service manager that a service is ready (sd_notify(3)), where one waits for it."""

import os
import socket
from contextlib import suppress
from typing import Final

_VARIABLE: Final = "NOTIFY_SOCKET"


def notify_ready() -> None:
    """Send READY=1 to the socket that systemd names for a unit of Type=notify; elsewhere do nothing."""
    address = os.environ.get(_VARIABLE, "")
    if not address.startswith(("/", "@")):
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        notifier.sendto(b"READY=1", target)
