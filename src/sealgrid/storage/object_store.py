"""Read-only copies of files in object stores (S3, Google Cloud Storage, Azure, a folder).

Copies are public ciphertext, so they are read without credentials. A store names a file by the hex digits of its
SHA-256.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, from_url

from sealgrid.errors import InputRefused, NotFound, SealgridError, ServiceUnavailable
from sealgrid.storage.node_calls import MirroredFile
from sealgrid.units import Digest

if TYPE_CHECKING:  # obstore has these types in its stubs alone
    from obstore.store import ClientConfig, RetryConfig

STORE_SCHEMES: Final = frozenset({"s3", "gs", "az", "file"})
_ONE_RETRY: "Final[RetryConfig]" = {"max_retries": 1, "backoff": {"init_backoff": timedelta(seconds=0.1)}}
_PATIENCE: "Final[ClientConfig]" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}


class MirrorFiles:
    """Reads of one store, which ``open_store`` opens; callers verify the digest of what they read."""

    def __init__(self, url: str, store: ObjectStore) -> None:
        self.url, self._store = url, store

    async def head(self, sha256: Digest) -> MirroredFile:
        """Return the file's digest and size; raise NotFound."""
        try:
            found = await obstore.head_async(self._store, self._name(sha256))
        except (BaseError, OSError) as error:
            raise self._converted(error, sha256) from error
        return MirroredFile(sha256, found["size"])

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of the file; raise NotFound."""
        try:
            piece = await obstore.get_range_async(self._store, self._name(sha256), start=offset, length=length)
        except (BaseError, OSError) as error:
            raise self._converted(error, sha256) from error
        return bytes(piece)

    async def read_by_cid(self, cid: str, limit: int) -> bytes:  # noqa: ARG002  as at a gateway
        """Raise NotFound: a store does not name files by CID."""
        raise NotFound(f"{self.url} has no file of the CID {cid[:80]!r}.")

    def _name(self, sha256: Digest) -> str:
        return sha256.removeprefix("0x")

    def _converted(self, error: Exception, name: str) -> SealgridError:
        if isinstance(error, FileNotFoundError):
            return NotFound(f"{self.url} has no file {name}.")
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):  # S3's answer for a missing one, too
            return NotFound(f"{self.url} gives nobody the file {name}; its objects must be public.")
        return ServiceUnavailable(f"{self.url} does not answer ({type(error).__name__}).")


def open_store(url: str) -> MirrorFiles:
    """Open ``s3://BUCKET/PREFIX?region=…``, ``gs://``, ``az://`` or ``file://``, whose options were checked.

    Raises InputRefused. Nothing is sent before the first read.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    try:
        if parts.scheme == "file":
            return MirrorFiles(url, LocalStore(parts.path))
        client: ClientConfig = {**_PATIENCE, "allow_http": options.get("endpoint", "").startswith("http:")}
        store = from_url(base, skip_signature=True, client_options=client, retry_config=_ONE_RETRY, **options)  # type: ignore[call-overload]
    except (BaseError, OSError, ValueError) as error:
        raise InputRefused(f"the mirror {base[:80]!r} cannot be opened: {str(error).splitlines()[0]}.") from error
    return MirrorFiles(url, store)
