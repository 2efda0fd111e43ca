"""iExec's SDK (npm, unmodified) on the market: filters, pages, unpublishing, deals, and errors."""

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
    keys = {name: "0x" + development_key(name).secret.hex() for name in ("developer", "stranger")}
    arguments = {"network": network, "keys": keys, "name": f"market {secrets.token_hex(8)}"}
    return run_script("market.mjs", tmp_path_factory.mktemp("market"), arguments)


def test_the_sdks_filters_return_the_matching_orders_cheapest_first(output: dict[str, Any]) -> None:
    assert output["filtered"] == {
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


def test_the_market_accepts_every_filter_of_the_sdk(output: dict[str, Any]) -> None:
    assert output["counts"] == [0, 0, 0, 0]
    assert output["deals"] == [0, 0]


def test_the_sdk_fetches_page_after_page(output: dict[str, Any]) -> None:
    assert output["pages"] == {"sizes": [10, 1], "counts": [11, 11], "isLast": True, "inOrder": output["hashes"]}


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("again", "order already published"),
        ("spoilt", "invalid sign"),
        ("ofAnother", "only order signer"),
        ("takenOffByAnother", "only order signer"),
        ("unknown", "apporder not found"),
        ("largePage", "pageSize must be less than or equal to 1000"),
    ],
)
def test_the_sdk_raises_the_markets_error_sentence(output: dict[str, Any], mistake: str, sentence: str) -> None:
    assert sentence in output["mistakes"][mistake]
    assert output["mistakes"][mistake].startswith("API error: ")


def test_the_sdk_unpublishes_one_order_the_last_and_all(output: dict[str, Any]) -> None:
    hashes, taken = output["hashes"], output["takenOff"]
    assert (taken["one"], taken["last"]) == (hashes[4], hashes[10])
    assert sorted(taken["all"]) == sorted(hashes[:4] + hashes[5:10])
    assert taken["left"] == 0
    nothing = f"no open apporder published by signer {output['owner']} for app {output['app']}"
    assert taken["nothing"] == f"API error: {nothing}", "the addresses have their EIP-55 checksum"
