"""Names of apps and models: their form, their versions, and references to them. Pure.

An asset's name on the chain is immutable and not unique. The versions of an asset are registered by one account under
one base name: ``iris``, then ``iris@2``, ``iris@3``. A reference selects by name, version and account:
``iris``, ``iris@2``, ``0x…/iris``, ``alice/iris@2``.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sealgrid.errors import InputRefused
from sealgrid.sdk.addresses import is_address

MAX_NAME_CHARACTERS = 64
MAX_VERSION = 999_999
_VERSIONED = re.compile(r"(?P<base>.+)@(?P<version>[1-9][0-9]{0,5})", re.DOTALL)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})  #: Unicode categories without a visible form
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class AssetName:
    """A name on the chain, split into what all versions share and the version."""

    base: str
    version: int = 1

    def __str__(self) -> str:
        return self.base if self.version == 1 else f"{self.base}@{self.version}"


@dataclass(frozen=True, slots=True)
class AssetReference:
    """What a user writes for an app or a model: a name, and optionally its account and its version."""

    base: str
    version: int | None = None  #: None for the newest
    account: str | None = None  #: an address, or the name of an account; None for any

    def selects(self, name: str) -> bool:
        """Return whether an asset's name on the chain matches; the account is not compared."""
        known = parse_name(name)
        return known.base == self.base and self.version in (None, known.version)


def check_name(text: str) -> str:
    """Return the normalised base name for a new asset.

    Raises InputRefused for an empty or too long name, invisible characters, ``/``, ``@``, and a name that looks like an
    address.
    """
    name = normalise(text)
    if not name:
        raise InputRefused("the name is empty.")
    if len(name) > MAX_NAME_CHARACTERS:
        raise InputRefused(f"a name has at most {MAX_NAME_CHARACTERS} characters, and this one has {len(name)}.")
    if any(unicodedata.category(each) in _HIDDEN for each in name):
        raise InputRefused("the name has a character that cannot be seen; leave it out.")
    if "/" in name or "@" in name:
        raise InputRefused(
            f"the name {name!r} has a / or an @, which separate account, name and version; leave it out."
        )
    if is_address(name):
        raise InputRefused("the name looks like an address; choose another.")
    return name


def normalise(text: str) -> str:
    """Return a name in Unicode's form NFC, without spaces at its ends and with single spaces inside (UAX #15)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def parse_name(text: str) -> AssetName:
    """Split a name on the chain; text that other clients registered has version 1."""
    name = normalise(text)
    found = _VERSIONED.fullmatch(name)
    return AssetName(found["base"], int(found["version"])) if found else AssetName(name)


def parse_reference(text: str) -> AssetReference:
    """Split ``[ACCOUNT/]NAME[@VERSION]``."""
    account, slash, rest = normalise(text).partition("/")
    if not slash or not account or not rest:
        account, rest = "", normalise(text)
    found = _VERSIONED.fullmatch(rest)
    base, version = (found["base"], int(found["version"])) if found else (rest, None)
    return AssetReference(base, version, account or None)


def next_version(base: str, existing: Iterable[str]) -> AssetName:
    """Return the name of the next version among the names of one account's assets.

    Raises InputRefused after version 999999, which no reference can exceed.
    """
    newest = max((name.version for name in map(parse_name, existing) if name.base == base), default=0)
    if newest >= MAX_VERSION:
        raise InputRefused(
            f"this account has {base!r} with the highest version, {MAX_VERSION}; choose another name.", money=""
        )
    return AssetName(base, newest + 1)


def similar_names(base: str, offered: Iterable[str]) -> tuple[str, ...]:
    """Return up to three offered names that differ by a few letters, the most similar first."""
    candidates = {parse_name(name).base for name in offered}
    return tuple(difflib.get_close_matches(base, sorted(candidates), n=_SUGGESTIONS))
