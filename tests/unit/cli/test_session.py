"""Commands of a connected account: their options, and the account that they connect."""

import asyncio
import gc
import inspect
from typing import Annotated

import pytest
import typer

from sealgrid.cli import session
from sealgrid.cli.session import for_account, run_as
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import NetworkNotRunning

SHOUTED: list[tuple[object, str, bool]] = []


@for_account("owner")
async def shout(me: object, text: str, *, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Record a text."""
    SHOUTED.append((me, text, loud))


def test_a_command_has_its_own_options_and_those_of_the_account(monkeypatch):
    connected = []

    def run_as(account, data, work, password_file):
        connected.append((account, data, password_file))
        asyncio.run(work("me"))

    monkeypatch.setattr(session, "run_as", run_as)
    assert list(inspect.signature(shout).parameters) == ["text", "loud", "account", "password_file", "data"]
    assert shout.__doc__ == "Record a text."
    shout(text="hello", loud=True, account="alice", password_file=None, data=None)
    assert connected == [("alice", None, None)]
    assert SHOUTED == [("me", "hello", True)]


@pytest.mark.parametrize("account", ["owner", SigningKey.generate().address])
def test_without_a_network_nothing_is_connected_and_collections_continue(tmp_path, account):
    with pytest.raises(NetworkNotRunning):
        run_as(account, tmp_path, lambda me: None)
    assert gc.isenabled()
