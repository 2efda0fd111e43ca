"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Data folder; by default SEALGRID_HOME, else your user data folder."),
]
Account = Annotated[
    str | None,
    typer.Option(
        "--as",
        "--account",
        metavar="NAME",
        help="Account to act as: one of yours or, on a local network, a development account. By default a development "
        "account there; elsewhere your only account.",
    ),
]
NetworkName = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="NAME|FILE",
        help="A joined network, or a network file; by default SEALGRID_NETWORK, else the local network.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File with the account's password in its first line; by default the terminal asks for it.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; amounts in nRLC, times in Unix seconds.")]
Csv = Annotated[
    bool, typer.Option("--csv", help="Print CSV for a spreadsheet; amounts in nRLC, times in Unix seconds.")
]
Presign = Annotated[
    bool, typer.Option("--presign", help="Sign each order with a transaction, which is public, instead of a signature.")
]
Orders = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="NUMBER",
        help="Number of equal orders that share the uses; a deal takes uses of one order only. By default 10, or "
        "1 where each "
        "signature is a transaction.",
    ),
]
AnyPool = Annotated[
    bool,
    typer.Option(
        "--any-pool",
        help="Also accept pools outside the network's group. A buyer's own pool can take uses without paying.",
    ),
]
Pool = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|ADDRESS|any",
        help="Pool that runs the task: the name of a pool in the network file, an address, or `any`. By default a pool "
        "of the network file.",
    ),
]
NoticeAfter = Annotated[
    float,
    typer.Option(
        "--notice-after",
        min=0,
        metavar="SECONDS",
        help="Print a notice if no machine has taken a task after this time.",
    ),
]
NETWORK_ENVIRONMENT = "SEALGRID_NETWORK"  #: sdk.stores.network_store.ENVIRONMENT; a test compares them
NOTICE_SECONDS = 30.0  #: sdk.operations.wait_notices.PATIENCE_SECONDS; a test compares them
USES_PER_HOUR = 1000  #: sdk.operations.publish.USES_PER_HOUR; a test compares them
PRICE_HELP = 'In RLC, as "3" or "0.5", or as "250 nRLC"; test credits on a local network.'
