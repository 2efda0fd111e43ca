"""``sealgrid account …`` and ``sealgrid earnings``: keystores of your accounts, and their money."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Csv, Data, Json, PasswordFile
from sealgrid.cli.output import credit_note, print_result, stderr, stdout
from sealgrid.cli.run_tables import (
    By,
    Chart,
    OfApp,
    OfBuyer,
    OfModel,
    OfMonth,
    OfState,
    SumsBy,
    print_rows,
    print_sums,
    run_filter,
)
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.operations.earnings import EarnedPayment
    from sealgrid.sdk.resources.account import Balance
    from sealgrid.sdk.stores.keystores import Keystore, KeystoreFolder


EARNED_COLUMNS = ("task", "amount", "block", "time", "app", "app_name", "model", "model_name", "requester", "state")

app = typer.Typer(help="Your accounts: keystores, wallet and escrow.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of your choice: a-z, 0-9, - and _.")]


@app.command()
def new(name: Name, password_file: PasswordFile = None, data: Data = None) -> None:
    """Create an account: a new key in a keystore file, encrypted with a password."""
    from sealgrid.cli.private_input import new_password
    from sealgrid.crypto.signing import SigningKey

    own = _keystores(data)
    own.check_free(name)
    _print_created(own.add(name, SigningKey.generate(), new_password(name, password_file)))


@app.command("import")
def import_(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A keystore of any wallet, or a file with a private key: 64 hex digits, a line NAME=KEY, or JSON.",
        ),
    ],
    password_file: PasswordFile = None,
    new_password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with a new password for the copy, in its first line; required if the keystore's is too short.",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Import an account from a keystore or a private key; the file stays unchanged."""
    from sealgrid.cli.private_input import new_password, password_of_copy, read_password
    from sealgrid.sdk.stores.keystores import open_keystore
    from sealgrid.sdk.stores.plain_keys import plain_key

    own = _keystores(data)
    own.check_free(name)
    key = plain_key(file)
    if key is not None:
        password = new_password(name, new_password_file or password_file)
    else:
        old = read_password(str(file), password_file)
        key = open_keystore(file, old)
        password = password_of_copy(name, old, new_password_file)
    _print_created(own.add(name, key, password))


@app.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """List the accounts with a keystore in the data folder; development accounts have none."""
    own = _keystores(data).all()
    print_result([_document(each) for each in own], (f"{each.address}  {each.name}" for each in own), as_json=as_json)
    if not own and not as_json:
        stderr.print("no account of your own; create one with: sealgrid account new NAME")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of an account of yours.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show an account's address and the path of its keystore."""
    found = _keystores(data).find(name)
    lines = (f"address   {found.address}", f"keystore  {found.path}")
    print_result(_document(found), lines, as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, readable by you only.")],
    data: Data = None,
) -> None:
    """Copy your keystores and the keys of your models and results into one file. No service stores a copy of them."""
    from sealgrid.sdk.stores.backup import back_up
    from sealgrid.sdk.stores.home import home

    copied = back_up(home(data), file)
    stdout.print(f"{file}: {_summary(copied)}", markup=False)
    stderr.print("Store it safely: it contains the keys of models and results without password protection.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `sealgrid account backup` wrote.")],
    data: Data = None,
) -> None:
    """Restore the files of a backup that are missing here. It overwrites no file."""
    from sealgrid.sdk.stores.backup import restore as restore_files
    from sealgrid.sdk.stores.home import home

    done = restore_files(home(data), file)
    stdout.print(f"restored {_summary(done.written)}", markup=False)
    for path in done.conflicts:
        stderr.print(f"{path} differs from the backup; it was not changed", markup=False)


@app.command()
@for_account("owner", reads=True)
async def balance(
    me: "AsyncClient",
    as_json: Json = False,
) -> None:
    """Show an account's money: in its wallet, free in escrow, and locked in escrow."""
    balance, address = await me.account.balance(), me.account.address
    document = {"account": address, "wallet": balance.wallet, "escrow": balance.escrow, "locked": balance.locked}
    print_result(document, (f"account  {address}", *_balance_lines(balance, me.network)), as_json=as_json)


@app.command()
@for_account("requester")
async def deposit(
    me: "AsyncClient",
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=PRICE_HELP)],
) -> None:
    """Move money from the wallet into escrow, which pays for runs."""
    _print_balance(await me.account.deposit(amount), me.network)


@app.command()
@for_account("owner")
async def withdraw(
    me: "AsyncClient",
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help=f"{PRICE_HELP} By default all that is not locked.")
    ] = None,
) -> None:
    """Move money from escrow into the wallet."""
    _print_balance(await me.account.withdraw(amount), me.network)


@app.command()
@for_account("owner")
async def send(
    me: "AsyncClient",
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="The receiver's address.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=PRICE_HELP)],
    *,
    from_escrow: Annotated[
        bool, typer.Option("--from-escrow", help="Take the money from escrow instead of the wallet.")
    ] = False,
) -> None:
    """Send money to the wallet of another account. It cannot be undone."""
    _print_balance(await me.account.send(to, amount, from_escrow=from_escrow), me.network)


@app.command()
@for_account("requester")
async def fund(
    me: "AsyncClient",
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=PRICE_HELP)] = "1000",
) -> None:
    """Get test credits and gas, without value, on a local network or from the faucet of a test network."""
    _print_balance(await me.account.fund(amount), me.network)


@for_account("owner")
async def earnings(
    me: "AsyncClient",
    *,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Also move the earnings that are in escrow into the wallet.")
    ] = False,
    by: By = None,
    chart: Chart = False,
    app: OfApp = "",
    model: OfModel = "",
    buyer: OfBuyer = "",
    month: OfMonth = "",
    state: OfState = "",
    as_csv: Csv = False,
    as_json: Json = False,
) -> None:
    """Show the payments that an account received from tasks, or their sums by app, model, buyer, month or state."""
    from sealgrid.sdk.amounts import Amount

    chosen = run_filter(app, model, buyer, month, state)
    with stderr.status("reading payments and receipts …") if stderr.is_terminal else nullcontext():
        earned = await me.account.earnings(states=bool(state) or by is SumsBy.STATE)
    payments = chosen.select(earned.payments)
    kind = by or (SumsBy.MONTH if chart else None)
    if kind is not None:
        print_sums(payments, kind, as_csv=as_csv, as_json=as_json, chart=chart)
    elif as_csv:
        print_rows(EARNED_COLUMNS, payments)
    else:
        lines = [payment_line(payment) for payment in payments]
        if len(payments) < len(earned.payments):
            lines.append(f"{Amount(sum(each.amount for each in payments))} of these")
        lines.append(f"earned {earned.total}{credit_note(me.network)}, of which {earned.withdrawable} is in escrow")
        print_result(replace(earned, payments=payments), lines, as_json=as_json)
    if withdraw and earned.withdrawable:
        left = await me.account.withdraw(earned.withdrawable)
        stderr.print(f"withdrew {earned.withdrawable}; the wallet has {left.wallet}{credit_note(me.network)}")


def payment_line(payment: "EarnedPayment") -> str:
    """Return one line of a list of payments."""
    sold = payment.app_name if payment.model is None else f"{payment.model_name} in {payment.app_name}"
    day = datetime.fromtimestamp(payment.time, UTC).strftime("%Y-%m-%d")
    state = "" if payment.state == "unknown" else f"  {payment.state}"
    return f"{day}  task {payment.task}  {payment.amount!s:>14}  {sold}  by {payment.requester}{state}"


def _print_balance(balance: "Balance", network: "Network") -> None:
    for line in _balance_lines(balance, network):
        stdout.print(line)


def _balance_lines(balance: "Balance", network: "Network") -> Iterator[str]:
    for name in ("wallet", "escrow", "locked"):
        yield f"{name:<8} {getattr(balance, name)}{credit_note(network)}"


def _keystores(data: Path | None) -> "KeystoreFolder":
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.keystores import KeystoreFolder

    return KeystoreFolder(home(data).accounts)


def _print_created(keystore: "Keystore") -> None:
    stdout.print(f"{keystore.address}  {keystore.name}", markup=False)
    stderr.print(f"Its only key is in {keystore.path}. Without this file and its password the account", markup=False)
    stderr.print("is lost. Copy it to a safe place with: sealgrid account backup FILE")
    stderr.print(f"On a local or a test network, get test credits with: sealgrid account fund --as {keystore.name}")


def _document(keystore: "Keystore") -> dict[str, str]:
    return {"name": keystore.name, "address": keystore.address, "keystore": str(keystore.path)}


def _summary(paths: tuple[Path, ...]) -> str:
    counts = []
    for folder, one, more in (
        ("accounts", "keystore", "keystores"),
        ("models", "key of a model", "keys of models"),
        ("jobs", "key of a result", "keys of results"),
    ):
        if count := sum(path.parent.name == folder for path in paths):
            counts.append(f"{count} {one if count == 1 else more}")
    return ", ".join(counts) or "nothing"
