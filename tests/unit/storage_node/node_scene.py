"""A storage node in this process."""

import hashlib

import httpx

from sealgrid.units import Digest, to_digest
from sealgrid.wire.http_transport import parse_error


class InProcess:
    """The node's application without a socket; everything else as over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.client.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


def digest(content: bytes) -> Digest:
    return to_digest(hashlib.sha256(content).digest())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now
