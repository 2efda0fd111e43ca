"""API keys: private files that have the hash of each key and its limits, never the key.

A key is ``ados_<name>_<43 characters>``. 256 random bits need no slow hash: SHA-256 tells nothing about them.
"""

import hmac
import re
import secrets
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, ApiKeyRefused, InputRefused, NotFound
from sealgrid.sdk.stores.private_files import write_private

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SECRET_BYTES: Final = 32


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One client of the API."""

    name: str
    digest: str  #: SHA-256 of the key, hex
    requests_per_hour: int
    spending: int  #: nRLC that its transactions may cost altogether

    def __repr__(self) -> str:
        return f"ApiKey({self.name})"


class ApiKeyFolder:
    """The folder of these files. Each call reads it: a revoked key is refused at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str, *, requests_per_hour: int, spending: int) -> str:
        """Store a new key and return it: it cannot be read again. Raises InputRefused for a name that is in use."""
        if not _NAME.fullmatch(name):
            raise InputRefused(
                f"{name!r} is not a valid name of a key: write small letters, digits and hyphens, at most 40."
            )
        token = f"ados_{name}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        key = ApiKey(name=name, digest=_digest(token), requests_per_hour=requests_per_hour, spending=spending)
        try:
            write_private(self._path(name), msgspec.json.encode(key), replace=False)
        except FileExistsError as error:
            raise InputRefused(f"there is a key {name!r}; revoke it first, or use another name.") from error
        return token

    def limit(self, name: str, *, requests_per_hour: int | None = None, spending: int | None = None) -> ApiKey:
        """Change the limits of a key; raise NotFound without it."""
        key = self._read(name)
        changes = {"requests_per_hour": requests_per_hour, "spending": spending}
        changed = msgspec.structs.replace(key, **{field: each for field, each in changes.items() if each is not None})
        write_private(self._path(name), msgspec.json.encode(changed))
        return changed

    def revoke(self, name: str) -> None:
        """Remove a key; raise NotFound without it."""
        self._read(name)
        self._path(name).unlink()

    def all(self) -> tuple[ApiKey, ...]:
        """Return all keys by name."""
        return tuple(self._read(path.stem) for path in sorted(self._folder.glob("*.json")))

    def authenticate(self, authorization: str | None) -> ApiKey:
        """Return the key of an ``Authorization: Bearer`` header; raise ApiKeyRefused without a valid one."""
        scheme, _, token = (authorization or "").partition(" ")
        parts = token.strip().split("_", 2)
        if scheme.lower() != "bearer" or len(parts) != 3 or not _NAME.fullmatch(parts[1]):
            raise ApiKeyRefused("send your API key: Authorization: Bearer ados_….")
        try:
            key = self._read(parts[1])
        except InputRefused as error:  # its message has a path
            raise ApiKeyRefused("this API key cannot be verified; ask the operator for another.") from error
        except NotFound as error:
            raise ApiKeyRefused("this API key is not valid; ask the operator for another.") from error
        if not hmac.compare_digest(key.digest, _digest(token.strip())):
            raise ApiKeyRefused("this API key is not valid; ask the operator for another.")
        return key

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> ApiKey:
        if not _NAME.fullmatch(name) or not self._path(name).exists():
            raise NotFound(f"there is no API key {name[:40]!r}.")
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=ApiKey)
        except (OSError, *DECODE_ERRORS) as error:
            raise InputRefused(f"{self._path(name)} is not a valid file of an API key; revoke the key.") from error


def _digest(token: str) -> str:
    return sha256(token.encode()).hex()
