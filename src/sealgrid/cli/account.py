"""``sealgrid account balance | deposit | withdraw | fund`` and ``sealgrid earnings``: an account's money."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, answers, as_account, notes, unit
from sealgrid.cli.options import PRICE_HELP, Account, Data, Json, PasswordFile

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.resources.account import Balance, Earnings

app = typer.Typer(help="Your accounts: their keys, and their money in wallet and escrow.", no_args_is_help=True)


@app.command()
def balance(
    account: Account = "owner", as_json: Json = False, password_file: PasswordFile = None, data: Data = None
) -> None:
    """Show what an account has in its wallet and in escrow."""

    async def work(me: "AsyncClient") -> None:
        found, address = await me.account.balance(), me.account.address
        document = {"account": address, "wallet": found.wallet, "escrow": found.escrow, "locked": found.locked}
        answer(document, (f"account  {address}", *_lines(found, me.network)), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def deposit(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=PRICE_HELP)],
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Move money from the wallet into escrow, from which runs are paid."""

    async def work(me: "AsyncClient") -> None:
        _show(await me.account.deposit(amount), me.network)

    as_account(account, data, work, password_file)


@app.command()
def withdraw(
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help=f"All that is free by default. {PRICE_HELP}")
    ] = None,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Move money from escrow into the wallet."""

    async def work(me: "AsyncClient") -> None:
        _show(await me.account.withdraw(amount), me.network)

    as_account(account, data, work, password_file)


@app.command()
def fund(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=PRICE_HELP)] = "1000",
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """On a local network, get test credits into the wallet, and gas; they are worth nothing."""

    async def work(me: "AsyncClient") -> None:
        _show(await me.account.fund(amount), me.network)

    as_account(account, data, work, password_file)


def earnings(
    *,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Also move them from escrow into the wallet.")] = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show what tasks paid to an account."""

    async def work(me: "AsyncClient") -> None:
        found = await me.account.earnings()
        answer(found, _earned(found, me.network), as_json=as_json)
        if withdraw and found.withdrawable:
            left = await me.account.withdraw(found.withdrawable)
            notes.print(f"withdrew {found.withdrawable}; the wallet holds {left.wallet}{unit(me.network)}")

    as_account(account, data, work, password_file)


def _show(found: "Balance", network: "Network") -> None:
    for line in _lines(found, network):
        answers.print(line)


def _lines(found: "Balance", network: "Network") -> Iterator[str]:
    for name in ("wallet", "escrow", "locked"):
        yield f"{name:<8} {getattr(found, name)}{unit(network)}"


def _earned(found: "Earnings", network: "Network") -> Iterator[str]:
    for payment in found.payments:
        yield f"task {payment.task}  {payment.amount}"
    yield f"earned {found.total}{unit(network)}, of which {found.withdrawable} is in escrow"
