"""``sealgrid run APP``: buy one run of an app and get its result."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Account, Data, PasswordFile
from sealgrid.cli.session import as_account, notes, unit

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client


def run(
    app: Annotated[str, typer.Argument(help="An app's name or address.")],
    *,
    model: Annotated[str | None, typer.Option(help="A model's name or address.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="An input file, sealed; may be given often.")] = None,
    arg: Annotated[list[str] | None, typer.Option(help="An argument, sealed too; may be given often.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write result, receipt and the network's pins here.")] = None,
    max_price: Annotated[str | None, typer.Option(help=f"The most that the run may cost. {PRICE_HELP}")] = None,
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Buy one run of an app, follow it, and open its result."""
    from sealgrid.cli.results import check_free, follow

    check_free(out)

    async def work(me: "Client") -> None:
        bought = await me.run(app, model=model, files=file or (), args=arg or (), max_price=max_price)
        notes.print(f"bought for {bought.price}{unit(me.network)}; open it at any later time with:")
        notes.print(f"  sealgrid task result {bought.task}")
        await follow(bought, me.network, out)

    as_account(account, data, work, password_file)
