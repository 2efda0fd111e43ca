"""``sealgrid account …`` and ``sealgrid earnings``: an account's money."""

from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Account, Data
from sealgrid.cli.session import answers, as_account, unit

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client
    from sealgrid.sdk.face.account import Balance
    from sealgrid.sdk.network import Network

app = typer.Typer(help="An account's money: in its wallet, in escrow.", no_args_is_help=True)


@app.command()
def balance(account: Account = "owner", data: Data = None) -> None:
    """Show what an account has in its wallet and in escrow."""

    async def work(me: "Client") -> None:
        answers.print(f"account  {me.account.address}")
        _show(await me.account.balance(), me.network)

    as_account(account, data, work)


@app.command()
def deposit(
    amount: Annotated[str, typer.Argument(help=PRICE_HELP)], account: Account = "requester", data: Data = None
) -> None:
    """Move money from the wallet into escrow, from which runs are paid."""

    async def work(me: "Client") -> None:
        _show(await me.account.deposit(amount), me.network)

    as_account(account, data, work)


@app.command()
def withdraw(
    amount: Annotated[str | None, typer.Argument(help=f"All that is free by default. {PRICE_HELP}")] = None,
    account: Account = "owner",
    data: Data = None,
) -> None:
    """Move money from escrow into the wallet."""

    async def work(me: "Client") -> None:
        _show(await me.account.withdraw(amount), me.network)

    as_account(account, data, work)


def earnings(
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Also move them from escrow into the wallet.")] = False,
    account: Account = "owner",
    data: Data = None,
) -> None:
    """Show what tasks paid to an account."""

    async def work(me: "Client") -> None:
        found = await me.account.earnings()
        for payment in found.payments:
            answers.print(f"task {payment.task}  {payment.amount}")
        answers.print(f"earned {found.total}{unit(me.network)}, of which {found.withdrawable} is in escrow")
        if withdraw and found.withdrawable:
            _show(await me.account.withdraw(found.withdrawable), me.network)

    as_account(account, data, work)


def _show(found: "Balance", network: "Network") -> None:
    for name in ("wallet", "escrow", "locked"):
        answers.print(f"{name:<8} {getattr(found, name)}{unit(network)}")
