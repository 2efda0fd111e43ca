"""``sealgrid account new | import | list | show | backup | restore``: accounts of one's own, copies of keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, answers, notes
from sealgrid.cli.options import Data, Json, PasswordFile

if TYPE_CHECKING:
    from sealgrid.crypto.signing import SigningKey
    from sealgrid.sdk.stores.keystores import Keystore, KeystoreFolder

Name = Annotated[str, typer.Argument(metavar="NAME", help="What you call it: a-z, 0-9, - and _.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the noun ``account``."""
    for command in (new, list_, show, backup, restore):
        app.command(command.__name__.rstrip("_"))(command)
    app.command("import")(import_)


def new(name: Name, password_file: PasswordFile = None, data: Data = None) -> None:
    """Make an account of your own: a new key, locked by a password in a keystore file."""
    from sealgrid.cli.password import chosen
    from sealgrid.crypto.signing import SigningKey

    own = _keystores(data)
    own.check_free(name)
    _made(own.add(name, SigningKey.generate(), chosen(name, password_file)))


def import_(
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A keystore of any wallet, or a file with a key of 64 hex digits.")
    ],
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Take over an account that you have elsewhere; its file stays as it is."""
    own = _keystores(data)
    own.check_free(name)
    key, password = _taken(name, file, password_file)
    _made(own.add(name, key, password))


def list_(as_json: Json = False, data: Data = None) -> None:
    """List your own accounts; a local network's development accounts are not among them."""
    own = _keystores(data).all()
    answer([_document(each) for each in own], (f"{each.address}  {each.name}" for each in own), as_json=as_json)
    if not own and not as_json:
        notes.print("no account of your own; make one with: sealgrid account new NAME")


def show(name: Name, as_json: Json = False, data: Data = None) -> None:
    """Show an account's address, and where its keystore lies."""
    found = _keystores(data).find(name)
    lines = (f"address   {found.address}", f"keystore  {found.path}")
    answer(_document(found), lines, as_json=as_json)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, which only you can read.")],
    data: Data = None,
) -> None:
    """Copy your keystores and the keys of your models and results into one file: nobody else has them."""
    from sealgrid.sdk.stores.backup import back_up
    from sealgrid.sdk.stores.home import home

    kept = back_up(home(data), file)
    answers.print(f"{file}: {_counted(kept)}", markup=False)
    notes.print("Keep it as private as money: the keys of models and results are not locked by a password.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that backup wrote.")], data: Data = None
) -> None:
    """Put back from a backup what is not here; nothing is overwritten."""
    from sealgrid.sdk.stores.backup import restore as put_back
    from sealgrid.sdk.stores.home import home

    done = put_back(home(data), file)
    answers.print(f"restored {_counted(done.written)}", markup=False)
    for path in done.conflicts:
        notes.print(f"{path} is another one here; it was left as it is", markup=False)


def _keystores(data: Path | None) -> "KeystoreFolder":
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.keystores import KeystoreFolder

    return KeystoreFolder(home(data).accounts)


def _taken(name: str, file: Path, password_file: Path | None) -> "tuple[SigningKey, str]":
    from sealgrid.cli.password import asked, chosen
    from sealgrid.sdk.stores.keystores import open_keystore, plain_key

    if (key := plain_key(file)) is not None:
        return key, chosen(name, password_file)
    password = asked(str(file), password_file)
    return open_keystore(file, password), password


def _made(made: "Keystore") -> None:
    answers.print(f"{made.address}  {made.name}", markup=False)
    notes.print(f"Its key is in {made.path} and nowhere else. Whoever loses the file or the password", markup=False)
    notes.print("loses the account; copy it to a safe place with: sealgrid account backup FILE")
    notes.print(f"On a local network, give it test credits: sealgrid account fund --as {made.name}")


def _document(found: "Keystore") -> dict[str, str]:
    return {"name": found.name, "address": found.address, "keystore": str(found.path)}


def _counted(paths: tuple[Path, ...]) -> str:
    return ", ".join(_counts(paths)) or "nothing"


def _counts(paths: tuple[Path, ...]) -> Iterator[str]:
    for folder, one, more in (
        ("accounts", "keystore", "keystores"),
        ("models", "key of a model", "keys of models"),
        ("jobs", "key of a result", "keys of results"),
    ):
        if count := sum(path.parent.name == folder for path in paths):
            yield f"{count} {one if count == 1 else more}"
