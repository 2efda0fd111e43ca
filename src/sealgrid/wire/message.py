"""What every message between parts has in common: frozen, strict, JSON with base64 for bytes."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import InputRefused, ServiceUnavailable

MAX_MESSAGE_BYTES = 4 << 20  #: larger bodies are files and go to the storage node

M = TypeVar("M")


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every message."""


class Transport(Protocol):
    """How a client reaches one service: over HTTP, or from an enclave through its worker's relay."""

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return the body of the answer; raise the error that the service named."""


class AuthorisedTransport(Protocol):
    """A way to a service that also carries an ``Authorization`` header."""

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of the answer; raise the error that the service named."""


def encode(message: object) -> bytes:
    """Return a message's JSON."""
    return msgspec.json.encode(message)


def decode(body: bytes, kind: type[M]) -> M:
    """Read an answer of a service; raise ServiceUnavailable when it is not what the protocol promises."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise ServiceUnavailable(f"a service answered something that is no {kind.__name__}: {error}.") from error


def parse(body: bytes, kind: type[M]) -> M:
    """Read what a client sent; raise InputRefused when it does not fit."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise InputRefused(f"this is no {kind.__name__}: {error}.") from error


async def call(transport: Transport, method: str, path: str, message: object | None, reply: type[M]) -> M:
    """Send one message and read the answer as ``reply``."""
    body = b"" if message is None else encode(message)
    return decode(await transport.request(method, path, body), reply)
