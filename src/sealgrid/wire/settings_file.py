"""Reads and writes the TOML file with the settings of a service."""

import codecs
from pathlib import Path
from typing import TypeVar

import msgspec

from sealgrid.errors import InputRefused

S = TypeVar("S", bound=msgspec.Struct)


def read_settings(path: Path, kind: type[S], what: str) -> S:
    """Return the settings in a file; raise InputRefused for one that cannot be read or does not describe ``what``.

    Fields of other types than TOML has, such as paths, are made from text.
    """
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        return msgspec.toml.decode(content, type=kind, dec_hook=lambda to, text: to(text))
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path} does not describe {what}: {error}.") from error


def require_new(path: Path) -> None:
    """Raise InputRefused if a settings file exists: it may have been edited."""
    if path.exists():
        raise InputRefused(f"{path} exists; edit it, or name another file.", money="")


def toml(value: object) -> str:
    """Return a text, path, number, switch or list as TOML, which writes these as JSON does, but escapes DEL."""
    return msgspec.json.encode(str(value) if isinstance(value, Path) else value).decode().replace("\x7f", "\\u007f")
