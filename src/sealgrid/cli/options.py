"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path | None, typer.Option("--data", help="Data folder; SEALGRID_HOME or the user's by default.")]
Account = Annotated[str, typer.Option("--account", help="A development account of the local network.")]
PRICE_HELP = 'In RLC, as "3" or "0.5", or as "250 nRLC"; test credits on a local network.'
