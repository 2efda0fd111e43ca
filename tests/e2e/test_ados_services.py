"""A watch that feeds a contract, and the API of ADOS that is killed between acceptance and purchase: each buys once."""

import base64
import json
import os
import signal
import subprocess
import time
from importlib import resources
from pathlib import Path

import httpx
import pytest
import rdflib
from pyshacl import validate

import sealgrid
from sealgrid.ados.generate import generate
from sealgrid.ados.signing import SigningTerms, sign_readings
from sealgrid.crypto.signing import SigningKey
from tests.e2e.running_network import SEALGRID
from tests.unit.cli.cli_runner import run_cli

ROOT = Path(__file__).resolve().parents[2]
MODEL, CARD = (ROOT / "src/sealgrid/shipped_apps/ados" / name for name in ("stations.onnx", "stations_card.md"))
READINGS = generate(1, 1, faults=True).readings
LAST_HOUR = "2026-02-26T23:00:00Z"

pytestmark = [
    pytest.mark.localnet,
    pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib"),
]


@pytest.fixture(scope="module")
def model(localnet):
    with sealgrid.connect("owner", data=localnet.layout.root) as owner:
        yield owner.models.publish(
            MODEL, app="ados", price="1", name="watched", callback=True, unproved=True, card=CARD.read_text()
        )


@pytest.fixture
def requester(localnet):
    with sealgrid.connect("requester", data=localnet.layout.root) as me:
        yield me


def test_a_watch_gives_a_feed_one_round_of_each_window_and_station(localnet, requester, model, tmp_path):
    keys = {f"station-00{number}": SigningKey.generate() for number in (1, 2)}
    with sealgrid.connect("owner", data=localnet.layout.root) as owner:
        feed = owner.feeds.deploy("ados", model)
        for sensor, key in keys.items():
            owner.feeds.register(feed, key.address, sensor)
    lines = [sign_readings(READINGS, key, SigningTerms(sensor, 600, 6)) for sensor, key in keys.items()]
    (tmp_path / "signed.jsonl").write_bytes(b"".join(lines))
    words = ("ados", "watch", "signed.jsonl", "--model", model.address, "--journal", "journal", "--interval", "600")
    words += ("--since", LAST_HOUR, "--callback", feed, "--once")
    before = requester.account.balance().escrow
    for said in (f"{LAST_HOUR}  answered\n", ""):  # the second time everything has ended
        ended = run_cli(*words, home=localnet.layout.root, folder=tmp_path)
        assert ended.code == 0, ended.err
        assert [line for line in ended.err.splitlines(keepends=True) if LAST_HOUR in line] == ([said] if said else [])
    [bag] = {json.loads(each.read_text())["bag"] for each in (tmp_path / "journal/windows").glob("*.json")}
    assert before - requester.account.balance().escrow == requester.bag(bag).price
    rounds = {each.sensor: each.latest for each in requester.feeds.show(feed).stations}
    for sensor in keys:
        [path] = (tmp_path / "journal/results").glob(f"*-{sensor}.json")
        told = json.loads(path.read_text())["round"]
        assert (rounds[sensor].start, rounds[sensor].dqf) == (told["start"], told["dqf"])


class ServedApi:
    """``sealgrid ados serve run`` as a process."""

    def __init__(self, config, home):
        command = (SEALGRID, "ados", "serve", "run", str(config))
        environment = os.environ | {"SEALGRID_HOME": str(home)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        ready = self.process.stderr.readline()
        assert "ready at" in ready, ready
        self.url = f"http://{ready.split()[2].rstrip(';')}"

    def end(self, signal_number):
        self.process.send_signal(signal_number)
        self.process.communicate(timeout=20)


@pytest.mark.long
def test_the_api_that_is_killed_after_it_accepted_buys_one_run(localnet, requester, model, tmp_path):
    home, config = localnet.layout.root, tmp_path / "api" / "serve.toml"
    assert run_cli("ados", "serve", "init", config, home=home).code == 0
    config.write_text(config.read_text().replace("port = 8570", "port = 0"))
    made = run_cli("ados", "serve", "key", "new", config, "acme", "--out", tmp_path / "key", home=home)
    assert made.code == 0, made.err
    token = (tmp_path / "key").read_text().strip()
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "monday"}
    body = {"model": model.address, "data": "data:text/csv;base64," + base64.b64encode(READINGS).decode()}
    before = requester.account.balance().escrow
    api = ServedApi(config, home)
    try:
        accepted = httpx.post(api.url, json=body, headers=headers, timeout=60)
        api.end(signal.SIGKILL)
        assert (accepted.status_code, accepted.json()["status"]) == (201, "INITIATING")
        api = ServedApi(config, home)
        assert httpx.post(api.url, json=body, headers=headers, timeout=60).json()["source"] == accepted.json()["source"]
        path, shown = f"{api.url}/transactions/{accepted.json()['source']}", set()
        deadline = time.monotonic() + 60
        while (answer := httpx.get(path, headers=headers, timeout=60).json())["status"] != "DELIVERED":
            shown.add(answer["status"])
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        listing = httpx.get(f"{api.url}/marketplace", timeout=60).text
    finally:
        api.end(signal.SIGTERM)
    assert api.process.returncode in {0, -signal.SIGTERM}
    assert shown <= {"INITIATING", "UNSET", "ACTIVE", "REVEALING", "COMPLETE"}
    assert answer["data"]["schema"] == "sealgrid/data-quality/1"
    run = requester.reopen(answer["task_id"])
    assert before - requester.account.balance().escrow == run.price
    graph = rdflib.Graph().parse(data=listing, format="json-ld")
    shapes = resources.files("sealgrid.ados.api").joinpath("marketplace_shapes.ttl").read_text()
    assert validate(graph, shacl_graph=rdflib.Graph().parse(data=shapes, format="turtle"))[0]
    [listed] = [each for each in json.loads(listing)["@graph"] if each["rdfs:label"].startswith("watched")]
    assert listed["aom:integrity"]["aom:value"] == model.digest.removeprefix("0x")
    assert (listed["aom:nNodes"], listed["aom:idNodes"][0]) == (20, "station-001")
