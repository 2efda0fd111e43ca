"""iExec's feed of the market (Socket.IO), heard with npm's socket.io-client while iExec's own SDK publishes."""

import json
import secrets
from typing import Any

import pytest

from sealgrid.chain.accounts import development_key
from tests.e2e.iexec_script import run_script
from tests.e2e.running_network import RunningNetwork

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="session")
def told(localnet: RunningNetwork, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    network = json.loads(localnet.layout.network.read_text())
    key = "0x" + development_key("developer").secret.hex()
    given = {"network": network, "key": key, "name": f"heard {secrets.token_hex(8)}"}
    return run_script("feed.mjs", tmp_path_factory.mktemp("feed"), given)


def test_a_listener_joins_the_topics_that_there_are_over_a_websocket(told: dict[str, Any]) -> None:
    assert told["joined"][:2] == [[True], [True]]
    assert told["joined"][2][0] is False
    assert told["transport"] == "websocket"


def test_it_hears_of_the_sdks_order_what_the_sdk_fetches(told: dict[str, Any]) -> None:
    assert (told["published"]["orderHash"], told["published"]["status"]) == (told["first"], "open")
    assert told["published"]["order"] == told["fetched"]["order"]
    assert told["published"]["signer"].lower() == development_key("developer").address


def test_it_hears_when_the_sdk_takes_one_off_and_when_it_cancels_one_on_chain(told: dict[str, Any]) -> None:
    assert (told["unpublished"], told["cancelled"]) == (told["first"], told["second"])
