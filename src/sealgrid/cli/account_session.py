"""Run one piece of work as an account of the network, and say things on the right stream."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sealgrid.cli.terminal import Terminal

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network

T = TypeVar("T")

answers = Terminal()  #: what was asked for
notes = Terminal(stderr=True)  #: everything else


def as_account(
    account: str, data: Path | None, work: "Callable[[AsyncClient], Awaitable[T]]", password_file: Path | None = None
) -> T:
    """Connect an account, with its password if it has one, do the work, return what it returns."""
    from sealgrid.cli.password import password_for
    from sealgrid.sdk.client import connect_async
    from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning

    password = password_for(account, data, password_file)

    async def connected() -> T:
        async with connect_async(account, data=data, password=password) as me:
            return await work(me)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulatedPlatformWarning)  # the commands say it in their own line
        return asyncio.run(connected())


def answer(document: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print one JSON document for programs, or lines for people."""
    if as_json:
        encoded = msgspec.json.encode(document, enc_hook=_plain)
        print(msgspec.json.format(encoded).decode())
        return
    for line in lines:
        answers.print(line, markup=False)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, int) else str(value)


def warn_of_simulated(network: "Network") -> None:
    """Say loudly, before a secret goes to a network whose enclaves are simulated, that these protect nothing."""
    from sealgrid.sdk.simulated_warning import SENTENCE

    if network.allow_simulated:
        notes.print(f"warning: {SENTENCE}", style="bold yellow")


def unit(network: "Network") -> str:
    """Return what to call RLC on this network."""
    return " (test credits)" if network.folder else ""
