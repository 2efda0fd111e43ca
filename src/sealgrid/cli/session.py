"""Runs a command's work as one account of a network."""

import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

T = TypeVar("T")


def run_as(
    account: str, data: Path | None, work: "Callable[[AsyncClient], Awaitable[T]]", password_file: Path | None = None
) -> T:
    """Connect an account, with its password if it has one, and return the result of ``work``."""
    import asyncio

    from sealgrid.cli.private_input import password_for
    from sealgrid.sdk.client import connect_async
    from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning

    password = password_for(account, data, password_file)

    async def connected() -> T:
        async with connect_async(account, data=data, password=password) as me:
            return await work(me)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulatedPlatformWarning)  # commands that send secrets print the warning
        return asyncio.run(connected())
