"""The market's feed (Socket.IO) as npm's socket.io-client receives it while iExec's own SDK publishes orders."""

import json
import secrets
from typing import Any

import pytest

from sealgrid.chain.accounts import development_key
from tests.e2e.iexec_script import run_script
from tests.e2e.running_network import RunningNetwork

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="session")
def output(localnet: RunningNetwork, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    network = json.loads(localnet.layout.network.read_text())
    key = "0x" + development_key("developer").secret.hex()
    arguments = {"network": network, "key": key, "name": f"feed {secrets.token_hex(8)}"}
    return run_script("feed.mjs", tmp_path_factory.mktemp("feed"), arguments)


def test_a_listener_joins_the_existing_topics_over_a_websocket(output: dict[str, Any]) -> None:
    assert output["joined"][:2] == [[True], [True]]
    assert output["joined"][2][0] is False
    assert output["transport"] == "websocket"


def test_a_listener_receives_the_order_that_the_sdk_fetches(output: dict[str, Any]) -> None:
    assert (output["published"]["orderHash"], output["published"]["status"]) == (output["first"], "open")
    assert output["published"]["order"] == output["fetched"]["order"]
    assert output["published"]["signer"].lower() == development_key("developer").address


def test_a_listener_receives_unpublished_and_cancelled_orders(output: dict[str, Any]) -> None:
    assert (output["unpublished"], output["cancelled"]) == (output["first"], output["second"])
