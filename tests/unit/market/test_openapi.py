"""The OpenAPI document: valid references, and the parameters that the filters accept. Served replies are compared with
it in tests/integration/market/test_openapi.py."""

import json
import re

from sealgrid.market.book import filters
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.openapi import description

DOCUMENT = description("1.2.3")


def test_every_reference_names_a_schema():
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert {"OrderPage", "PublishRequest", "Error"} <= references <= set(DOCUMENT["components"]["schemas"])


def test_each_kind_of_orders_has_its_query_parameters():
    for kind in KINDS:
        names = [each["name"] for each in DOCUMENT["paths"][f"/{kind}"]["get"]["parameters"]]
        assert names == ["chainId", *filters.order_parameters(kind)]


def test_writes_need_a_token_and_a_body():
    for method in ("post", "put"):
        operation = DOCUMENT["paths"]["/apporders"][method]
        assert [each["name"] for each in operation["parameters"] if each["in"] == "header"] == ["authorization"]
        assert operation["requestBody"]["required"]


def test_parameters_have_the_types_of_their_values():
    schemas = {each["name"]: each["schema"] for each in DOCUMENT["paths"]["/datasetorders"]["get"]["parameters"]}
    types = {name: schemas[name]["type"] for name in ("pageSize", "bulkOnly", "grouped", "isAppStrict", "minTag")}
    assert types == {
        "pageSize": "integer",
        "bulkOnly": "boolean",
        "grouped": "boolean",
        "isAppStrict": "boolean",
        "minTag": "string",
    }
    assert "pattern" in schemas["minTag"]
    assert "pattern" not in schemas["dataset"]
