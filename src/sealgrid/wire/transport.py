"""HTTP as the way to a service: pooled connections, time limits, and the service's own errors raised again here."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx
import msgspec

from sealgrid.crypto.documents import UNREADABLE
from sealgrid.errors import SealgridError, ServiceUnavailable, from_wire

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0


class HttpTransport:
    """Reach one service at a base address; use it as an async context manager, or close it."""

    def __init__(self, base: str, *, name: str = "the service", patience: float = READ_SECONDS) -> None:
        self.base = base
        self._name = name
        timeout = httpx.Timeout(patience, connect=CONNECT_SECONDS)
        self._client = httpx.AsyncClient(base_url=base, timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the answer's body; raise ServiceUnavailable, or the error that the service named."""
        try:
            answer = await self._client.request(method, path, content=body or None, headers=headers)
        except httpx.HTTPError as error:
            raise ServiceUnavailable(
                f"{self._name} at {self.base} does not answer ({type(error).__name__})."
            ) from error
        if answer.is_success:
            return answer.content
        raise error_of(answer.content, answer.status_code)


def error_of(body: bytes, status: int) -> SealgridError:
    """Rebuild the error in an answer's body; whatever is not JSON becomes an error of the status alone."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, object])
    except UNREADABLE:
        fields = {}
    return from_wire({name: value for name, value in fields.items() if isinstance(value, str)}, status)
