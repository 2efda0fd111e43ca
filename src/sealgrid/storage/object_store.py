"""Read-only copies of files in object stores (S3, Google Cloud Storage, Azure), and in a folder of this machine.

Copies are public ciphertext, so they are read without credentials, by plain HTTP GET. Clients of object stores follow
redirects, which a network file could use to lead its readers anywhere; ``WebMirror`` follows none.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.node_calls import MirroredFile
from sealgrid.units import Digest, to_bytes

STORE_SCHEMES: Final = frozenset({"s3", "gs", "az"})
FOLDER: Final = "file"  #: scheme of a folder
#: by scheme: options that an object store's URL may give after "?"
STORE_OPTIONS: Final = {"s3": {"region", "endpoint"}, "gs": set[str](), "az": {"account_name", "endpoint"}}
_REGION: Final = "us-east-1"  #: S3's own default
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,221}")
_LABEL: Final = re.compile(r"[a-z0-9-]{1,40}")  #: of a host name


def object_address(url: str) -> str:
    """Return the web address below which the objects of ``s3://BUCKET/PREFIX?region=…``, ``gs://`` or ``az://`` lie.

    Raises InputRefused for a URL without a valid bucket, region or account, and for an endpoint that is no web server.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not _BUCKET.fullmatch(parts.netloc) or not options.keys() <= STORE_OPTIONS[parts.scheme]:
        raise _invalid(url)
    return f"{_endpoint(url, parts.scheme, options)}/{parts.netloc}{parts.path.rstrip('/')}"


def _endpoint(url: str, scheme: str, options: dict[str, str]) -> str:
    if "endpoint" in options:
        server = urlsplit(options["endpoint"])
        if server.scheme not in {"http", "https"} or not server.hostname or server.query or server.fragment:
            raise _invalid(url)
        return options["endpoint"].rstrip("/")
    if scheme == "gs":
        return "https://storage.googleapis.com"
    label = options.get("region", _REGION) if scheme == "s3" else options.get("account_name", "")
    if not _LABEL.fullmatch(label):
        raise _invalid(url)
    return f"https://s3.{label}.amazonaws.com" if scheme == "s3" else f"https://{label}.blob.core.windows.net"


def _invalid(url: str) -> InputRefused:
    base = url.partition("?")[0]
    return InputRefused(
        f"the mirror {base[:80]!r} cannot be opened: it lacks a valid bucket, region, account or endpoint."
    )


class FolderMirror:
    """Files in a folder of this machine, named by the hex digits of their SHA-256; callers verify what they read."""

    def __init__(self, url: str) -> None:
        self.url, self._folder = url, Path(urlsplit(url).path)

    async def head(self, sha256: Digest) -> MirroredFile:
        """Return the file's digest and size; raise NotFound."""
        with self._errors(sha256):
            status = await asyncio.to_thread(self._path(sha256).stat)
        return MirroredFile(sha256, status.st_size)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of the file; raise NotFound."""
        with self._errors(sha256):
            return await asyncio.to_thread(_read, self._path(sha256), offset, length)

    async def read_by_cid(self, cid: str, limit: int) -> bytes:  # noqa: ARG002  as at a gateway
        """Raise NotFound: a folder does not name files by CID."""
        raise NotFound(f"{self.url} has no file of the CID {cid[:80]!r}.")

    def _path(self, sha256: Digest) -> Path:
        return self._folder / to_bytes(sha256, 32).hex()  # decoding keeps other text out of paths

    @contextmanager
    def _errors(self, sha256: Digest) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"{self.url} has no file {sha256}.") from error
        except OSError as error:
            raise ServiceUnavailable(f"{self.url} does not answer ({type(error).__name__}).") from error


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
