"""Finds the private key in a file: hex digits, a line of settings, or JSON. Names what other secrets are."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.keystore_format import is_keystore
from sealgrid.sdk.stores.text_files import decode_text

_KEY = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_ADDRESS = re.compile(r"(?:0[xX])?[0-9a-fA-F]{40}")
#: a line as in .env files, shell scripts, YAML, TOML and PowerShell
_SETTING = re.compile(
    r"""\s*(?:export\s+|set\s+|\$env:)?["']?([A-Za-z_][\w.-]*)["']?\s*[:=]\s*["']?([^"'#;]*?)["']?\s*[,;]?\s*(?:#.*)?"""
)
_KEY_NAME = re.compile(r"key|priv|secret|\bpk\b|_pk", re.IGNORECASE)
_PHRASE_LENGTHS: Final = (12, 15, 18, 21, 24)  #: words, BIP-39
_SOLANA_LENGTHS: Final = (32, 64)  #: numbers
_EXPORT = "export the private key of one account from your wallet, and import that"
_PHRASE = f"a recovery phrase, from which wallets derive many accounts; {_EXPORT}"

_NAMED: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"-----BEGIN [A-Z ]*-----.*", re.DOTALL), f"a PEM file; {_EXPORT}"),
    (re.compile(r"[xyz]prv\w+"), f"an extended key (BIP-32), from which wallets derive many accounts; {_EXPORT}"),
    (re.compile(r"[xyz]pub\w+"), f"an extended public key (BIP-32); {_EXPORT}"),
    (re.compile(r"[5KL][1-9A-HJ-NP-Za-km-z]{50,51}"), "a Bitcoin key (WIF), not an Ethereum key"),
    (re.compile(r"(?:0[xX])?[0-9a-fA-F]{40}"), f"an address, not a private key; {_EXPORT}"),
    (re.compile(r"(?:0[xX])?(?:0[23][0-9a-fA-F]{64}|(?:04)?[0-9a-fA-F]{128})"), f"a public key; {_EXPORT}"),
)


MAX_BYTES: Final = 64 << 10


def read_key_file(path: Path) -> bytes:
    """Return the content of a file with a key or keystore; raise InputRefused where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).", money="") from error


def plain_key(path: Path) -> SigningKey | None:
    """Return the private key that a file contains without encryption; None for a keystore and for anything unknown.

    Raises InputRefused for a key that is invalid or does not belong to the address beside it, for keys of several
    accounts, and for a secret of another kind, which the message names.
    """
    content, source = read_key_file(path), str(path)
    if len(content) == 32 and not content.isascii():
        raise _refused(source, "32 bytes; write a private key as 64 hex digits")
    try:
        text = decode_text(content).strip().strip("\"'").strip()
    except ValueError:
        return None
    if (match := _KEY.fullmatch(text)) is not None:
        return _to_key(match[1], source)
    _refuse_other_secret(text, source)
    found = _keys_in_json(text, source)
    return found if found is not None else _key_in_settings(text, source)


def _keys_in_json(text: str, source: str) -> SigningKey | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list):
        if len(document) in _SOLANA_LENGTHS and all(isinstance(each, int) for each in document):
            raise _refused(source, "a list of numbers, as Solana's programs write keys, not an Ethereum key")
        return None
    if not isinstance(document, Mapping) or is_keystore(document):
        return None
    fields = {str(name).lower(): value for name, value in document.items()}
    if {"data", "iv", "salt"} <= fields.keys() or "vault" in fields:
        raise _refused(source, f"the encrypted storage of a browser wallet, with all its accounts; {_EXPORT}")
    if any(isinstance(value, str) and _is_phrase(value) for value in fields.values()):
        raise _refused(source, _PHRASE)
    key = _single({name: str(value) for name, value in fields.items()}, source)
    address = fields.get("address")
    if (
        key is not None
        and isinstance(address, str)
        and _ADDRESS.fullmatch(address)
        and int(address, 16) != int(key.address, 16)
    ):
        raise _refused(source, "a private key with an address that does not belong to it; import the right one")
    return key


def _key_in_settings(text: str, source: str) -> SigningKey | None:
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines()):
        if (match := _SETTING.fullmatch(line)) is not None:
            settings[f"{match[1]} {number}"] = match[2].strip()
    if any(_is_phrase(value) for value in settings.values()):
        raise _refused(source, _PHRASE)
    return _single(settings, source)


def _single(values: Mapping[str, str], source: str) -> SigningKey | None:
    """Return the one key among named values; raise InputRefused for several."""
    found = {
        match[1].lower()
        for name, value in values.items()
        if _KEY_NAME.search(name) and (match := _KEY.fullmatch(value.strip())) is not None
    }
    if len(found) > 1:
        raise _refused(source, f"{len(found)} private keys; leave the one to import in the file")
    return _to_key(found.pop(), source) if found else None


def _refuse_other_secret(text: str, source: str) -> None:
    if _is_phrase(text):
        raise _refused(source, _PHRASE)
    for pattern, what in _NAMED:
        if pattern.fullmatch(text):
            raise _refused(source, what)
    digits = re.sub(r"\s", "", text).lower().removeprefix("0x")
    if 56 <= len(digits) <= 72 and re.fullmatch(r"[0-9a-f]+", digits):
        if len(digits) == 64:
            raise _refused(source, "64 hex digits with spaces or line breaks between them; write them in one line")
        raise _refused(source, f"{len(digits)} hex digits; a private key has 64, so some are missing or too many")


def _is_phrase(text: str) -> bool:
    words = re.sub(r"\d+\s*[.):]?|,", " ", text).split()
    return len(words) in _PHRASE_LENGTHS and all(re.fullmatch(r"[^\W\d_]{2,12}", word) for word in words)


def _to_key(digits: str, source: str) -> SigningKey:
    try:
        return SigningKey.from_bytes(bytes.fromhex(digits))
    except ValueError as error:
        raise InputRefused(f"{source} contains 64 hex digits that are not a valid key.", money="") from error


def _refused(source: str, what: str) -> InputRefused:
    return InputRefused(f"{source} contains {what}.", money="")
