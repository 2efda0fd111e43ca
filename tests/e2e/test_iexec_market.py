"""All that iExec's SDK asks of a market (npm, unmodified): filters, pages, taking orders off, deals, and mistakes."""

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
    keys = {name: "0x" + development_key(name).secret.hex() for name in ("developer", "stranger")}
    given = {"network": network, "keys": keys, "name": f"asked for {secrets.token_hex(8)}"}
    return run_script("market.mjs", tmp_path_factory.mktemp("market"), given)


def test_the_sdks_filters_find_what_they_say_the_cheapest_first(told: dict[str, Any]) -> None:
    assert told["filtered"] == {
        "forAnybody": list(range(1, 11)),
        "forOneRequester": list(range(1, 12)),
        "forOneRequesterAlone": [11],
        "whoeverItIsFor": list(range(1, 12)),
        "onAGpu": [1],
        "withoutAGpu": list(range(2, 11)),
        "ofManyUses": list(range(2, 11)),
        "ofItsOwner": 11,
        "ofSomebodyElse": [],
    }


def test_every_filter_that_the_sdk_has_is_understood(told: dict[str, Any]) -> None:
    assert told["counts"] == [0, 0, 0, 0]
    assert told["deals"] == [0, 0]


def test_the_sdk_walks_from_page_to_page(told: dict[str, Any]) -> None:
    assert told["pages"] == {"sizes": [10, 1], "counts": [11, 11], "isLast": True, "inOrder": told["hashes"]}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("again", "order already published"),
        ("spoilt", "is not signed by"),
        ("ofAnother", "only order signer"),
        ("takenOffByAnother", "only order signer"),
        ("unknown", "apporder not found"),
        ("largePage", "pageSize"),
    ],
)
def test_the_sdk_passes_on_what_the_market_says_of_a_mistake(told: dict[str, Any], mistake: str, said: str) -> None:
    assert said in told["mistakes"][mistake]
    assert told["mistakes"][mistake].startswith("API error: ")


def test_the_sdk_takes_off_one_order_the_last_and_all(told: dict[str, Any]) -> None:
    hashes, taken = told["hashes"], told["takenOff"]
    assert (taken["one"], taken["last"]) == (hashes[4], hashes[10])
    assert sorted(taken["all"]) == sorted(hashes[:4] + hashes[5:10])
    assert (taken["left"], "no open apporder" in taken["nothing"]) == (0, True)
