"""Runs a command's work as one account of a network."""

import functools
import gc
import inspect
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealgrid.cli.options import Account, Data, PasswordFile

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

T = TypeVar("T")


def for_account(default: str) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]:
    """Make a command of a coroutine function whose first parameter is the client of a connected account.

    The command has the other parameters of the function, and the options --as (by default ``default``),
    --password-file and --data.
    """
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation)
        for name, annotation, value in (
            ("account", Account, default),
            ("password_file", PasswordFile, None),
            ("data", Data, None),
        )
    ]

    def decorate(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*, account: str, password_file: Path | None, data: Path | None, **arguments: Any) -> None:
            run_as(account, data, lambda me: function(me, **arguments), password_file)

        parameters = [*list(inspect.signature(function).parameters.values())[1:], *options]
        command.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


@contextmanager
def _without_collections() -> Iterator[None]:
    """Import without garbage collections, which would traverse what stays: a fifth of a command's processor time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run_as(
    account: str, data: Path | None, work: "Callable[[AsyncClient], Awaitable[T]]", password_file: Path | None = None
) -> T:
    """Connect an account, with its password if it has one, and return the result of ``work``."""
    with _without_collections():
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
