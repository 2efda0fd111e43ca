"""Commands of a connected account: their options, and the account that they connect."""

import asyncio
import gc
import inspect
from typing import Annotated

import msgspec
import pytest
import typer

from sealgrid.chain.accounts import development_key
from sealgrid.cli import session
from sealgrid.cli.session import AccountChoice, for_account, run_as
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, NetworkNotRunning, NotFound
from sealgrid.sdk.stores import keystores
from sealgrid.sdk.stores.keystores import KeystoreFolder
from sealgrid.sdk.stores.network_store import ENVIRONMENT, NetworkStore
from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network

SHOUTED: list[tuple[object, str, bool]] = []


@for_account("owner")
async def shout(me: object, text: str, *, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Record a text."""
    SHOUTED.append((me, text, loud))


def test_a_command_has_its_own_options_and_those_of_the_account(monkeypatch):
    connected = []

    def run_as(choice, data, work):
        connected.append((choice, data))
        asyncio.run(work("me"))

    monkeypatch.setattr(session, "run_as", run_as)
    options = ["account", "password_file", "network", "data"]
    assert list(inspect.signature(shout).parameters) == ["text", "loud", *options]
    assert shout.__doc__ == "Record a text."
    shout(text="hello", loud=True, account="alice", password_file=None, network="office", data=None)
    assert connected == [(AccountChoice("alice", "owner", None, "office"), None)]
    assert SHOUTED == [("me", "hello", True)]


@pytest.mark.parametrize("account", ["owner", SigningKey.generate().address], ids=["name", "address"])
def test_without_a_network_nothing_is_connected_and_collections_continue(tmp_path, account):
    with pytest.raises(NetworkNotRunning):
        run_as(AccountChoice(account, "owner"), tmp_path, lambda me: None)
    assert gc.isenabled()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder that joined one network, with no local one."""
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    NetworkStore(tmp_path / "networks").store("office", network())
    return tmp_path


def add_account(home, name):
    return KeystoreFolder(home / "accounts").add(name, SigningKey.generate(), "correct horse").address


async def address_of(me):
    return me.account.address


@pytest.mark.parametrize("names", [(), ("alice", "bob")], ids=["none", "several"])
def test_a_command_whose_account_is_optional_needs_none_on_a_joined_network(home, names):
    for name in names:
        add_account(home, name)
    address = run_as(AccountChoice(None, "owner", reads=True, optional=True), home, address_of)
    assert address not in {each.address for each in KeystoreFolder(home / "accounts").all()}


def test_a_command_whose_account_is_optional_takes_the_only_one(home):
    alice = add_account(home, "alice")
    (home / "password").write_text("correct horse\n")
    assert run_as(AccountChoice(None, "owner", home / "password", optional=True), home, address_of) == alice


@pytest.mark.parametrize(
    "words", [("account", "balance"), ("model", "list", "--mine"), ("app", "list", "--mine")], ids=" ".join
)
def test_a_command_about_an_account_says_how_to_get_or_name_one(home, words):
    assert "make one with: sealgrid account new NAME" in run_cli(*words, home=home).err
    for name in ("alice", "bob"):
        add_account(home, name)
    assert "name one with --as: alice, bob" in run_cli(*words, home=home).err


@pytest.mark.parametrize("words", [("model", "list"), ("app", "list"), ("app", "show", "reader")], ids=" ".join)
def test_a_command_about_no_account_reads_without_one(home, words):
    assert "does not answer" in run_cli(*words, home=home).err


def test_the_stages_of_a_run_are_read_as_the_only_account_with_its_password(home):
    add_account(home, "alice")
    (home / "password").write_text("another\n")
    shown = run_cli("task", "show", "0x12", "--password-file", home / "password", home=home)
    assert "password" in shown.err
    assert "is not a valid task id" not in shown.err


def test_a_command_that_reads_acts_for_the_only_account_without_its_password(home):
    alice = add_account(home, "alice")
    assert run_as(AccountChoice(None, "owner", reads=True), home, address_of) == alice
    add_account(home, "bob")
    assert run_as(AccountChoice("alice", "owner", reads=True), home, address_of) == alice


def test_a_command_that_signs_takes_the_only_account_with_its_password(home):
    alice = add_account(home, "alice")
    (home / "password").write_text("correct horse\n")
    assert run_as(AccountChoice(None, "owner", home / "password"), home, address_of) == alice


def test_a_command_that_signs_says_how_to_get_or_name_an_account(home):
    choice = AccountChoice(None, "owner")
    with pytest.raises(InputRefused, match="make one with: sealgrid account new NAME"):
        run_as(choice, home, address_of)
    for name in ("alice", "bob"):
        add_account(home, name)
    with pytest.raises(InputRefused, match="name one with --as: alice, bob"):
        run_as(choice, home, address_of)


def test_a_development_account_is_the_default_on_a_local_network_only(home):
    (home / "network.json").write_bytes(msgspec.json.encode(network(folder=str(home))))
    assert run_as(AccountChoice(None, "owner"), home, address_of) == development_key("owner").address
    with pytest.raises(InputRefused, match="'quiet' needs an account of yours"):
        run_as(AccountChoice(None, "owner", network="office"), home, address_of)


def test_an_unknown_network_is_refused_before_a_password_is_asked(home):
    with pytest.raises(NotFound, match="no network 'lab' was joined"):
        run_as(AccountChoice("alice", "owner", network="lab"), home, address_of)
