"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data folder; SEALGRID_HOME or the user's by default.")
]
Account = Annotated[
    str, typer.Option("--as", "--account", metavar="NAME", help="Who acts: an account of yours, or a development one.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="Its first line opens your account; else you are asked."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; amounts in nRLC, times in seconds.")]
Presign = Annotated[
    bool, typer.Option("--presign", help="Sign by a transaction, which everybody sees, not with a signature.")
]
Orders = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="NUMBER",
        help="Equal orders that the uses are signed as, 10 by default: one deal takes uses of one of them.",
    ),
]
AnyPool = Annotated[
    bool,
    typer.Option(
        "--any-pool",
        help="Sell to runs at pools outside the network's group, too: a buyer's own can take uses for nothing.",
    ),
]
Pool = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|ADDRESS|any",
        help="Where computing is bought: by default at a pool that the network file pins. Give one of these by name, "
        "a pool's address, or any.",
    ),
]
NoticeAfter = Annotated[
    float,
    typer.Option(
        "--notice-after",
        min=0,
        metavar="SECONDS",
        help="Say so when no machine has taken a task so long after it was bought.",
    ),
]
PRICE_HELP = 'In RLC, as "3" or "0.5", or as "250 nRLC"; test credits on a local network.'
