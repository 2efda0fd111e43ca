"""The market's own description: every path and parameter in it is answered, and nothing else is."""

import httpx
import pytest

from sealgrid.market.openapi import description
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders, place_of

pytestmark = pytest.mark.chain
PATHS = description("1")["paths"]
SHOWN = [
    (path, each)
    for path in PATHS
    if "{" not in path
    for each in PATHS[path]["get"]["parameters"]
    if each["in"] == "query"
]


def sample(parameter: dict) -> str:
    if parameter["name"] == "chainId":
        return "31337"
    schema = parameter["schema"]
    return {"integer": "10", "boolean": "true"}.get(
        schema["type"], ZERO_DIGEST if "pattern" in schema else ZERO_ADDRESS
    )


def url(path: str, *named: dict) -> str:
    own = {"chainId": "31337"} | ({"app": "any"} if path == "/apporders" else {})
    own |= {"dataset": "any"} if path == "/datasetorders" else {}
    required = {each["name"]: sample(each) for each in PATHS[path]["get"]["parameters"] if each["required"]}
    query = own | required | {each["name"]: sample(each) for each in named}
    return path + "?" + "&".join(f"{name}={value}" for name, value in query.items())


async def test_it_is_an_openapi_document_that_the_market_serves(http: httpx.AsyncClient) -> None:
    served = (await http.get("/docs")).json()
    assert (served["openapi"], set(served["paths"])) == ("3.1.0", set(PATHS))
    named = {each.partition("#/components/schemas/")[2] for each in _references(served)}
    assert named <= set(served["components"]["schemas"])


async def test_every_parameter_in_it_is_understood(http: httpx.AsyncClient) -> None:
    for path, parameter in SHOWN:
        answer = await http.get(url(path, parameter))
        assert (answer.status_code, answer.json().get("ok", True)) == (200, True), (path, parameter, answer.text)


async def test_every_path_that_names_one_thing_is_answered(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    deal = await scene.deal()
    await traders.sync_with_chain()
    orders = (scene.app_order(), scene.dataset_order(), scene.pool_order(), scene.request(params="another"))
    names = {place_of(order)[0]: await traders.publish(order) for order in orders}
    for path in PATHS:
        start, _, name = path.partition("{")
        if name:
            thing = names.get(start.strip("/"), deal if "deal" in name else "0")
            answer = await http.get(f"{start}{thing}?chainId=31337")
            assert (answer.status_code, answer.json()["ok"]) == (200, True), (path, answer.text)


async def test_its_description_of_orders_is_what_the_market_writes(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    await traders.publish(scene.dataset_order())
    written = (await http.get(f"/datasetorders?chainId=31337&dataset=any&app={scene.app}")).json()
    schemas = description("1")["components"]["schemas"]
    assert set(written) <= set(schemas["OrderPage"]["properties"])
    assert set(written["orders"][0]) <= set(schemas["OpenOrder"]["properties"])
    assert set(schemas["OpenOrder"]["required"]) <= set(written["orders"][0])


def _references(document: object) -> list[str]:
    if isinstance(document, dict):
        inner = [each for value in document.values() for each in _references(value)]
        return [document["$ref"], *inner] if "$ref" in document else inner
    return [each for value in document for each in _references(value)] if isinstance(document, list) else []
