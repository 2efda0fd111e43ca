"""Base of all messages between services: frozen, strict JSON; bytes are base64."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from sealgrid.errors import DECODE_ERRORS, InputRefused, ServiceUnavailable

MAX_MESSAGE_BYTES = 4 << 20  #: larger bodies are files, which go to storage nodes

M = TypeVar("M")


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every message."""


class Transport(Protocol):
    """Request channel to one service: HTTP, or from an enclave the worker's relay."""

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return the body of the answer; raise the error in the answer."""


class AuthorisedTransport(Protocol):
    """A transport that also sends headers such as ``Authorization``."""

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of the answer; raise the error in the answer."""


def encode(message: object) -> bytes:
    """Return the JSON of a message."""
    return msgspec.json.encode(message)


def decode(body: bytes, kind: type[M]) -> M:
    """Decode an answer of a service; raise ServiceUnavailable if it violates the protocol."""
    try:
        return msgspec.json.decode(body, type=kind)
    except DECODE_ERRORS as error:
        raise ServiceUnavailable(f"the answer of a service is not valid: {error}.") from error


def parse(body: bytes, kind: type[M]) -> M:
    """Decode a client's message; raise InputRefused if it is not valid."""
    try:
        return msgspec.json.decode(body, type=kind)
    except DECODE_ERRORS as error:
        raise InputRefused(f"the message is not valid: {error}.") from error


async def call(transport: Transport, method: str, path: str, message: object | None, reply: type[M]) -> M:
    """Send one message and decode the answer as ``reply``."""
    body = b"" if message is None else encode(message)
    return decode(await transport.request(method, path, body), reply)
