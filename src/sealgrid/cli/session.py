"""Run one piece of work as an account of the network, and say things on the right stream."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client
    from sealgrid.sdk.network import Network

T = TypeVar("T")

answers = Console(highlight=False, soft_wrap=True)  #: what was asked for
notes = Console(stderr=True, highlight=False, soft_wrap=True)  #: everything else


def as_account(account: str, data: Path | None, work: "Callable[[Client], Awaitable[T]]") -> T:
    """Connect an account, do the work, return what it returns."""
    from sealgrid.sdk.client import connect_async
    from sealgrid.sdk.simulated import SimulatedPlatformWarning

    async def connected() -> T:
        async with connect_async(account, data=data) as me:
            return await work(me)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulatedPlatformWarning)  # the commands say it in their own line
        return asyncio.run(connected())


def unit(network: "Network") -> str:
    """Return what to call RLC on this network."""
    return " (test credits)" if network.folder else ""
