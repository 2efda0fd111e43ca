"""The marketplace as JSON-LD: valid by the SHACL shapes that are shipped, each broken listing refused by one."""

import json
from dataclasses import replace
from importlib import resources

import pytest
import rdflib
from pyshacl import validate

from sealgrid.ados.api.marketplace import AOM, MAX_LISTED, MarketplaceApp, ModelOnSale, marketplace, sensors_in
from sealgrid.shipped_apps.ados.quality.messages import MAX_SENSORS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")  # about rdflib's own classes

CARD = "# Data quality\n\n- **Sensors**: north, south\n- **Trained** on 6048 rows\n"
APP = MarketplaceApp("0x" + "aa" * 20, "ados", "0x" + "ab" * 32)
MODEL = ModelOnSale(
    address="0x" + "bb" * 20,
    name="stations@2",
    owner="0x" + "cc" * 20,
    digest="0x" + "cd" * 32,
    location="https://nodes.example/sealed",
    price=1_500_000_000,
    uses=12_000,
    nodes=2,
    sensors=("north", "south"),
)
UNKNOWN = ModelOnSale("0x" + "dd" * 20, "noise", "0x" + "cc" * 20, "0x" + "ef" * 32, "", 0, 3, None)


@pytest.fixture(scope="module")
def shapes():
    text = resources.files("sealgrid.ados.api").joinpath("marketplace_shapes.ttl").read_text()
    return rdflib.Graph().parse(data=text, format="turtle")


def violations(document, shapes):
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    conforms, _, text = validate(graph, shacl_graph=shapes)
    return "" if conforms else text


def test_a_listing_is_valid_and_says_hash_nodes_and_workers_in_the_terms_of_aom_and_ssn(shapes):
    document = marketplace(31337, APP, [MODEL, UNKNOWN])
    assert violations(document, shapes) == ""
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    query = """
        PREFIX aom: <urn:ados:aom#> PREFIX ssn: <http://www.w3.org/ns/ssn/> PREFIX sosa: <http://www.w3.org/ns/sosa/>
        PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        SELECT ?hash ?nodes ?workers ?sensor WHERE {
          ?model a aom:configuration, ssn:System ; aom:integrity/aom:value ?hash ; aom:nNodes ?nodes ;
            aom:iExecMaxNumWorkers ?workers ; ssn:hasSubSystem ?part .
          ?part a sosa:Sensor ; rdfs:label ?sensor ; sosa:observes ?property . } ORDER BY ?sensor
    """
    rows = [[str(cell) for cell in row] for row in graph.query(query)]
    assert rows == [["cd" * 32, "2", "10000", "north"], ["cd" * 32, "2", "10000", "south"]]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("aom:integrity", "aom:value"), "abc", "aom:value"),
        (("aom:integrity", "aom:algorithm"), "MD5", "aom:algorithm"),
        (("aom:iExecMaxNumWorkers",), 0, "aom:iExecMaxNumWorkers"),
        (("aom:nNodes",), 0, "aom:nNodes"),
        (("aom:model",), "other", "aom:model"),
        (("aom:modelVersion",), "v2", "aom:modelVersion"),
        (("@type",), "aom:configuration", "ssn:System"),
        (("ssn:hasSubSystem", 0, "sosa:observes"), None, "hasSubSystem"),
        (("schema:offers",), None, "schema:offers"),
        (("ssn:implements",), None, "ssn:implements"),
    ],
    ids=range(10),
)
def test_a_listing_with_one_fault_is_refused(shapes, path, value, reason):
    document = json.loads(json.dumps(marketplace(31337, APP, [MODEL])))
    *parents, last = path
    place = document["@graph"][1]
    for each in parents:
        place = place[each]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert reason in violations(document, shapes)


def test_the_names_of_sensors_are_those_of_a_trained_models_card():
    assert sensors_in(CARD, 2) == ("north", "south")
    assert sensors_in(CARD, None) == ("north", "south")
    assert sensors_in(CARD, 3) == ()
    assert sensors_in("", 2) == ()
    assert sensors_in("- **Sensors**: a, a\n", 2) == ()


def test_without_names_nodes_are_numbered():
    model = marketplace(1, APP, [ModelOnSale("0x1", "m", "0x2", "0x3", "", 0, 1, 2)])["@graph"][1]
    assert model["aom:idNodes"] == ["node-0", "node-1"]
    assert AOM == "urn:ados:aom#"


def test_a_strangers_card_names_no_more_sensors_than_the_app_takes_and_only_names():
    assert sensors_in(f"- **Sensors**: {', '.join(map(str, range(MAX_SENSORS + 1)))}", None) == ()
    assert sensors_in("- **Sensors**: a, ,b\n", 3) == ()
    assert sensors_in(f"- **Sensors**: a, {'b' * 201}\n", 2) == ()
    assert sensors_in("- **Sensors**: a, \x1bb\n", 2) == ()


def test_a_listing_has_so_many_sensors_and_of_further_models_their_number(shapes):
    large = [replace(UNKNOWN, address=f"0x{number:040x}", nodes=MAX_SENSORS) for number in range(12)]
    graph = marketplace(1, APP, large)["@graph"][1:]
    assert [each["aom:nNodes"] for each in graph] == [MAX_SENSORS] * 12
    assert sum(len(each.get("ssn:hasSubSystem", ())) for each in graph) == MAX_LISTED
    assert (
        violations(marketplace(1, APP, []) | {"@graph": [*marketplace(1, APP, [])["@graph"], graph[-1]]}, shapes) == ""
    )
