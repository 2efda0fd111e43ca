"""Reads passwords and secrets from a terminal, a file or standard input.

Never from arguments or the environment: every user of the machine can read those in the list of processes.
"""

import codecs
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from sealgrid.errors import InputRefused

MAX_SECRET_BYTES = 64 << 10
_MAX_LINE_BYTES = 4096


def password_for(account: str, data: Path | None, file: Path | None) -> str | None:
    """Return the password of an account with a keystore, None for an account without one."""
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.keystores import KeystoreFolder

    return read_password(account, file) if KeystoreFolder(home(data).accounts).has(account) else None


def read_password(account: str, file: Path | None) -> str:
    """Return an existing password from a file or the terminal; raise InputRefused if there is neither."""
    return _first_line(file) if file is not None else _prompt(f"password of {account}: ")


def new_password(account: str, file: Path | None) -> str:
    """Return a new password, entered twice on a terminal; raise InputRefused if the two differ."""
    if file is not None:
        return _first_line(file)
    first = _prompt(f"new password of {account} (it cannot be restored): ")
    if _prompt("once more: ") != first:
        raise InputRefused("the two passwords differ; no account was made. Run the command again.", money="")
    return first


def password_of_copy(account: str, password: str, file: Path | None) -> str:
    """Return the password for our copy of an imported keystore: from ``file``, else its own if it is long enough.

    Prompts for a new one on a terminal if it is too short; raises InputRefused without a terminal.
    """
    from sealgrid.sdk.stores.keystores import MIN_PASSWORD

    if file is None and len(password) >= MIN_PASSWORD:
        return password
    if file is None and not sys.stdin.isatty():
        raise InputRefused(
            f"the keystore's password has fewer than {MIN_PASSWORD} characters, too few for the copy; give a new one "
            "with --new-password-file FILE. No account was made.",
            money="",
        )
    return new_password(account, file)


def read_secret(file: Path) -> str:
    """Return the text of a file, or of standard input for ``-``, without its last line end."""
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_SECRET_BYTES + 2)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_SECRET_BYTES + 2)
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except OSError as error:
        raise InputRefused(f"the secret {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputRefused(f"the secret {file} is not valid UTF-8 text.") from error
    return text.removesuffix("\n").removesuffix("\r")


def read_inputs(
    files: Sequence[Path] | None, secrets: Sequence[str] | None
) -> tuple[list[Path | tuple[str, bytes]], dict[int, str]]:
    """Return the files and the secrets of a run; ``-`` among either is standard input, as a file called ``input``.

    Raises InputRefused for a second ``-``, which would be empty, and for a secret that is not NUMBER=FILE.
    """
    sources = [*map(str, files or ()), *(option.partition("=")[2] for option in secrets or ())]
    if sources.count("-") > 1:
        raise InputRefused("standard input can be one file or one secret; give - once.", money="")
    read = _parse_secrets(secrets or ())
    return [("input", sys.stdin.buffer.read()) if str(file) == "-" else file for file in files or ()], read


def _parse_secrets(options: Sequence[str]) -> dict[int, str]:
    """Read secrets from options of the form NUMBER=FILE; raise InputRefused for anything else."""
    secrets: dict[int, str] = {}
    for option in options:
        number, _, file = option.partition("=")
        if not (number.isascii() and number.isdecimal()) or not file or int(number) in secrets:
            raise InputRefused(
                f"{option!r} is not a valid secret; write NUMBER=FILE, each number once, as in 1=token.txt."
            )
        secrets[int(number)] = read_secret(Path(file))
    return secrets


def _first_line(file: Path) -> str:
    from sealgrid.sdk.stores.text_files import decode_text

    try:
        with file.open("rb") as opened:
            text = decode_text(opened.read(_MAX_LINE_BYTES))
    except OSError as error:
        raise InputRefused(f"the password file {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputRefused(f"the password file {file} is not valid UTF-8 text; save it as UTF-8.") from error
    return text.partition("\n")[0].removesuffix("\r")


def _prompt(text: str) -> str:
    if not sys.stdin.isatty():
        raise InputRefused("there is no terminal to ask for a password; name a file with --password-file FILE.")
    return getpass.getpass(text)
