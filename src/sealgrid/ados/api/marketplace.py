"""The marketplace as JSON-LD: models that are on sale now, with ADOS's ontology (AOM) and W3C's SSN and SOSA.

ADOS publishes no IRI for its prefix ``aom``, so ours stands for it. ``marketplace_shapes.ttl`` (SHACL) says what a
listing has.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sealgrid.shipped_apps.ados.quality.messages import MAX_NAME, MAX_SENSORS

AOM: Final = "urn:ados:aom#"
CONTEXT: Final = {
    "aom": AOM,
    "sosa": "http://www.w3.org/ns/sosa/",
    "ssn": "http://www.w3.org/ns/ssn/",
    "schema": "https://schema.org/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "aom:location": {"@type": "xsd:anyURI"},
}
MAX_WORKERS: Final = 10_000  #: tasks of one bag
MAX_LISTED: Final = 10 * MAX_SENSORS  #: sensors of one listing; models after these have their number of sensors alone
_SENSORS: Final = re.compile(r"^- \*\*Sensors\*\*: (.+)$", re.MULTILINE)  # as `sealgrid ados train` writes it
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelOnSale:
    """A model with its cheapest offer, as market, chain and owner state it."""

    address: str
    name: str
    owner: str
    digest: str  #: SHA-256 of the sealed file, 0x and hex
    location: str
    price: int  #: nRLC of one use
    uses: int  #: left in its offers for everybody
    nodes: int | None  #: sensors, by the model's public signature; None where the owner withholds it
    sensors: tuple[str, ...] = ()  #: their names, by the owner's card


@dataclass(frozen=True, slots=True)
class MarketplaceApp:
    """The app that computes the scores."""

    address: str
    name: str
    digest: str  #: SHA-256 of its code, 0x and hex


def sensors_in(card: str, nodes: int | None) -> tuple[str, ...]:
    """Return the names of the sensors in a card of ``sealgrid ados train``; none unless there are as many as nodes."""
    found = _SENSORS.search(card)
    names = tuple(name.strip() for name in found[1].split(",", MAX_SENSORS)) if found else ()
    if (nodes is not None and len(names) != nodes) or len(names) > MAX_SENSORS or len(set(names)) != len(names):
        return ()
    return names if all(0 < len(name) <= MAX_NAME and name.isprintable() for name in names) else ()


def marketplace(chain: int, app: MarketplaceApp, models: Iterable[ModelOnSale]) -> Document:
    """Return the listing as JSON-LD 1.1, without references to other documents."""
    procedure = f"urn:sealgrid:{chain}:app:{app.address}"
    described = {
        "@id": procedure,
        "@type": "sosa:Procedure",
        "rdfs:label": app.name,
        "aom:integrity": _integrity(app.digest),
    }
    graph, listed = [described], 0
    for each in models:
        listed += each.nodes or len(each.sensors)
        graph.append(_model(chain, procedure, each, with_sensors=listed <= MAX_LISTED))
    return {"@context": CONTEXT, "@graph": graph}


def _model(chain: int, procedure: str, model: ModelOnSale, *, with_sensors: bool) -> Document:
    own = f"urn:sealgrid:{chain}:dataset:{model.address}"
    name, _, version = model.name.rpartition("@")
    document: Document = {
        "@id": own,
        "@type": ["aom:configuration", "ssn:System"],
        "rdfs:label": model.name,
        "aom:model": "ados-gnn",
        "aom:modelVersion": version if name and version.isdecimal() else "1",
        "aom:integrity": _integrity(model.digest),
        "aom:iExecMaxNumWorkers": min(model.uses, MAX_WORKERS),
        "ssn:implements": {"@id": procedure},
        "schema:offers": {
            "@type": "schema:Offer",
            "schema:price": {"@value": f"{model.price / 10**9:.9f}", "@type": "xsd:decimal"},
            "schema:priceCurrency": "RLC",
            "schema:seller": f"urn:sealgrid:{chain}:account:{model.owner}",
        },
    }
    if model.location:
        document["aom:location"] = model.location
    nodes = model.nodes or len(model.sensors)
    if nodes:
        document["aom:nNodes"] = nodes
    if nodes and with_sensors:
        document["aom:idNodes"] = list(model.sensors) or [f"node-{number}" for number in range(nodes)]
        document["ssn:hasSubSystem"] = [_sensor(own, number, model) for number in range(nodes)]
    return document


def _sensor(own: str, number: int, model: ModelOnSale) -> Document:
    label = model.sensors[number] if model.sensors else f"node-{number}"
    return {
        "@id": f"{own}:sensor:{number}",
        "@type": "sosa:Sensor",
        "rdfs:label": label,
        "sosa:observes": {"@id": f"{own}:property:{number}", "@type": "sosa:ObservableProperty"},
    }


def _integrity(digest: str) -> Document:
    return {"@type": "aom:Digest", "aom:algorithm": "SHA-256", "aom:value": digest.removeprefix("0x")}
