"""Runs a command's work as one account of a network."""

import functools
import gc
import inspect
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealgrid.cli.options import Account, Data, NetworkName, PasswordFile
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.crypto.signing import SigningKey
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.stores.keystores import KeystoreFolder

T = TypeVar("T")


def for_account(
    default: str, *, reads: bool = False, optional: bool = False
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]:
    """Make a command of a coroutine function whose first parameter is the client of a connected account.

    The command has the other parameters of the function, and the options --as, --password-file, --network and --home.
    ``default`` is the development account that it takes by default. A command that only ``reads`` signs nothing, and
    needs no password. Where the account is ``optional``, the command also works for none, unless it has
    ``--mine``.
    """
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in (
            ("account", Account),
            ("password_file", PasswordFile),
            ("network", NetworkName),
            ("data", Data),
        )
    ]

    def decorate(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(
            *, account: str | None, password_file: Path | None, network: str | None, data: Path | None, **arguments: Any
        ) -> None:
            choice = AccountChoice(
                account,
                default,
                password_file,
                network,
                reads=reads,
                optional=optional and not arguments.get("mine", False),
            )
            run_as(choice, data, lambda me: function(me, **arguments))

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


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """The options that choose the account and the network of a command."""

    account: str | None  #: of --as
    default: str  #: development account of a local network
    password_file: Path | None = None
    network: str | None = None  #: of --network
    reads: bool = False  #: the command signs nothing
    optional: bool = False  #: the command works without an account, too


def run_as(choice: AccountChoice, data: Path | None, work: "Callable[[AsyncClient], Awaitable[T]]") -> T:
    """Connect an account, with its password if it has one, and return the result of ``work``."""
    with _without_collections():
        import asyncio

        from sealgrid.cli.private_input import password_for
        from sealgrid.sdk.client import connect_async
        from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning
        from sealgrid.sdk.stores.home import home
        from sealgrid.sdk.stores.keystores import KeystoreFolder
        from sealgrid.sdk.stores.network_store import choose_network

    folders = home(data)
    network = choose_network(folders, choice.network)
    account = _account(choice, network, KeystoreFolder(folders.accounts))
    password = password_for(account, data, choice.password_file) if isinstance(account, str) else None

    async def connected() -> T:
        async with connect_async(account, network=network, data=data, password=password) as me:
            return await work(me)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulatedPlatformWarning)  # commands that send secrets print the warning
        return asyncio.run(connected())


def _account(choice: AccountChoice, network: "Network", own: "KeystoreFolder") -> "str | SigningKey | None":
    """Return the account to connect; without its key, which needs its password, if the command only reads.

    None where the account is optional, and none is named by --as or by being the only one.
    """
    from sealgrid.crypto.signing import ExternalKey

    name = choice.account
    if name is None and network.has_development_accounts:
        return choice.default
    if name is None:
        keystores = own.all()
        if len(keystores) != 1 and choice.optional:
            return None
        if len(keystores) != 1:
            todo = f"name one with --as: {', '.join(each.name for each in keystores)}"
            raise InputRefused(
                f"the network {network.name!r} needs an account of yours; "
                f"{todo if keystores else 'make one with: sealgrid account new NAME'}",
                money="",
            )
        name = keystores[0].name
    if choice.reads and choice.password_file is None and own.has(name):
        return ExternalKey(own.find(name).address)
    return name
