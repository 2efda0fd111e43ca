"""A password comes from a terminal that does not show it, or from a file; never from arguments or the environment."""

import getpass
import sys
from pathlib import Path

from sealgrid.errors import InputRefused


def password_for(account: str, data: Path | None, file: Path | None) -> str | None:
    """Return the password of an account of one's own, None for one that needs none."""
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.keystores import KeystoreFolder

    return asked(account, file) if KeystoreFolder(home(data).accounts).has(account) else None


def asked(account: str, file: Path | None) -> str:
    """Return a password that is known already; raise InputRefused where nobody can be asked."""
    return _from(file) if file is not None else _prompt(f"password of {account}: ")


def chosen(account: str, file: Path | None) -> str:
    """Return a new password, asked for twice; raise InputRefused when the two differ."""
    if file is not None:
        return _from(file)
    first = _prompt(f"new password of {account} (nobody can restore it): ")
    if _prompt("once more: ") != first:
        raise InputRefused("the two passwords differ; no account was made.", money="")
    return first


def _from(file: Path) -> str:
    try:
        with file.open() as lines:
            return lines.readline(4096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"the password file {file} cannot be read ({error}).") from error


def _prompt(text: str) -> str:
    if not sys.stdin.isatty():
        raise InputRefused("there is no terminal to ask for a password; give --password-file FILE.")
    return getpass.getpass(text)
