"""``sealgrid network``: pins are shown and confirmed before a network is stored."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from sealgrid.sdk.network import Network, PinnedPool, fingerprint
from sealgrid.units import to_digest
from tests.unit.cli.cli_runner import CliResult, run_cli
from tests.unit.sdk.network_file import POOL, network

URL = "http://192.0.2.1:8553"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = replace(network(), pools=(PinnedPool(POOL, "local"),), web_url=URL, faucet_url="http://192.0.2.1:8555")

    async def fetch(source: str) -> Network:
        return made

    monkeypatch.setattr("sealgrid.sdk.operations.join_network.fetch_network", fetch)
    return made


@pytest.fixture
def sealgrid(tmp_path: Path):
    def run(*words: str) -> CliResult:
        return run_cli(*words, home=tmp_path / "home", folder=tmp_path)

    return run


def test_every_pin_is_shown(sealgrid, offered: Network):
    shown = sealgrid("network", "join", URL, "--yes").out
    pins = (offered.genesis, offered.hub, offered.broker, offered.token, POOL, fingerprint(offered))
    for pin in (*pins, *(vault.address for vault in offered.vaults)):
        assert str(pin) in shown
    assert "2 of 3 must agree" in shown
    assert "protection   NONE: its platform is simulated" in shown
    assert "test credits, worth nothing" in shown


def test_a_joined_network_is_listed_shown_and_left(sealgrid, offered: Network):
    assert "joined quiet; use it with: sealgrid --network quiet app list" in sealgrid("network", "join", URL, "-y").out
    assert sealgrid("network", "list").out == f"quiet  {URL}  {fingerprint(offered)}\n"
    assert json.loads(sealgrid("network", "list", "--json").out)[0]["chain"] == 31337
    assert offered.faucet_url in sealgrid("network", "show", "quiet").out
    assert sealgrid("network", "leave", "quiet").out == "left quiet\n"
    assert "no network was joined" in sealgrid("network", "list").err


def test_a_file_that_came_without_tls_is_to_be_compared(sealgrid, offered: Network):
    assert "compare the fingerprint with that of its operator" in sealgrid("network", "join", URL, "--yes").err
    assert "compare" not in sealgrid("network", "join", "https://grid.example", "--yes").err


def test_without_a_terminal_and_without_yes_nothing_is_stored(sealgrid, offered: Network):
    ended = sealgrid("network", "join", URL)
    assert (ended.code, "add --yes" in ended.err) == (1, True)
    assert sealgrid("network", "list").out == ""


def test_a_name_of_ones_own_is_used_and_checked_first(sealgrid, offered: Network):
    assert "joined office" in sealgrid("network", "join", URL, "--yes", "--name", "office").out
    refused = sealgrid("network", "join", URL, "--yes", "--name", "local")
    assert (refused.code, refused.out) == (1, "")


def test_another_network_does_not_replace_a_joined_one(sealgrid, offered: Network, monkeypatch: pytest.MonkeyPatch):
    sealgrid("network", "join", URL, "--yes")

    async def fetch(source: str) -> Network:
        return replace(offered, genesis=to_digest(b"\7" * 32))

    monkeypatch.setattr("sealgrid.sdk.operations.join_network.fetch_network", fetch)
    refused = sealgrid("network", "join", URL, "--yes")
    assert (refused.code, "was joined with other pins" in refused.err) == (1, True)


def test_an_unknown_network_is_one_error_line_before_any_command(sealgrid):
    ended = sealgrid("--network", "nowhere", "app", "list")
    assert ended.err.startswith("sealgrid: no network 'nowhere' was joined (joined: none)")
    assert len(ended.err.splitlines()) == 1
