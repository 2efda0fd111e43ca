"""iExec's own SDK (npm, unmodified) against a local network; tests/iexec_client/acceptance.mjs is what a user writes."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_network import RunningNetwork

from sealgrid.chain.accounts import development_key
from sealgrid.crypto.signing import SigningKey
from sealgrid.localnet.layout import cache_folder

SCRIPT = Path(__file__).parents[1] / "iexec_client" / "acceptance.mjs"
FILE = "age,km\n31,12\n"
PEOPLE = {"developer": "developer", "owner": "owner", "pool": "pool", "patron": "publisher"}
REQUESTER = SigningKey.generate()
KINDS = ("apporder", "datasetorder", "workerpoolorder", "requestorder")
SECONDS = 120
Told = dict[str, Any]


@pytest.fixture(scope="session")
def told(localnet: RunningNetwork, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("iexec")
    installed = cache_folder() / "iexec_client"
    (folder / "node_modules").symlink_to(installed / "node_modules")
    shutil.copy(SCRIPT, folder)
    network = json.loads(localnet.layout.network.read_text())
    people = {role: development_key(name) for role, name in PEOPLE.items()} | {"requester": REQUESTER}
    keys = {role: "0x" + key.secret.hex() for role, key in people.items()}
    done = subprocess.run(
        [installed / "node", SCRIPT.name], cwd=folder, input=json.dumps({"network": network, "keys": keys, "file": FILE}),
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: Told = json.loads(done.stdout)
    return answers


def address(name: str) -> str:
    return development_key(name).address


def test_the_sdk_deploys_an_app_and_a_dataset(told: Told) -> None:
    assert told["app"]["app"]["owner"].lower() == address("developer")
    assert told["dataset"]["dataset"]["owner"].lower() == address("owner")


def test_what_the_sdk_encrypted_lies_at_the_storage_node_and_is_what_the_chain_says(
    told: Told, localnet: RunningNetwork
) -> None:
    sealed = httpx.get(f"{localnet.network.storage_url}/ipfs/{told['cid']}").content
    assert sealed.hex() == told["encrypted"]
    assert FILE.encode() not in sealed
    assert told["dataset"]["dataset"]["datasetChecksum"] == f"0x{hashlib.sha256(sealed).hexdigest()}"
    assert told["dataset"]["dataset"]["datasetMultiaddr"].endswith(told["cid"])


def test_the_datasets_key_goes_to_the_vaults_once_by_its_owners_hand_alone(told: Told) -> None:
    secret = told["secret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, True, True)
    assert "not allowed to set secret" in secret["byStranger"]
    assert "already exists" in secret["again"]
    assert "encryption key is not set" in secret["unsigned"]


def test_the_requesters_rsa_key_is_shown_as_it_was_signed_last(told: Told, localnet: RunningNetwork) -> None:
    key = told["resultKey"]
    assert (key["before"], key["pushed"], key["after"]) == (False, {"isPushed": True, "isUpdated": False}, True)
    assert (key["updated"]["isUpdated"], "already exists" in key["again"]) == (True, True)
    shown = httpx.get(f"{localnet.network.sms_url}/result-keys/{REQUESTER.address}").json()
    assert base64.b64decode(shown["value"]).decode() == key["pem"]


def test_no_part_of_the_face_remembers_the_key(told: Told, localnet: RunningNetwork) -> None:
    face = localnet.layout.part("sms")
    written = b"".join(file.read_bytes() for file in [*face.rglob("*.json"), localnet.layout.log("sms")])
    for form in (told["key"].encode(), base64.b64decode(told["key"])):
        assert form not in written


@pytest.mark.parametrize("kind", KINDS)
def test_the_market_takes_and_gives_the_sdks_orders(told: Told, kind: str) -> None:
    fetched = told["fetched"][kind]
    assert (fetched["orderHash"], fetched["status"], fetched["remaining"]) == (told["published"][kind], "open", 1)
    assert told["published"][kind] in told["found"][kind]


def test_the_orders_make_a_deal_that_the_sdk_shows(told: Told) -> None:
    deal = told["deal"]
    assert deal["app"]["pointer"] == told["app"]["objAddress"]
    assert deal["dataset"]["pointer"] == told["dataset"]["objAddress"]
    assert [int(deal[part]["price"], 16) for part in ("app", "dataset", "workerpool")] == [2, 3, 3]
    assert (deal["requester"].lower(), deal["tasks"]) == (REQUESTER.address, [told["taskid"]])


def test_the_pool_takes_the_task_and_the_sdk_asks_it_how_far_it_is(told: Told) -> None:
    assert (told["task"]["statusName"], told["task"]["dealid"]) == ("ACTIVE", told["dealid"])
    assert told["offchain"]["task"]["statusHistory"][0]["status"] == "INITIALIZED"
    assert isinstance(told["logs"], list)


def test_a_bulk_of_datasets_is_laid_down_slice_by_slice(told: Told, localnet: RunningNetwork) -> None:
    storage = localnet.network.storage_url
    slices = httpx.get(f"{storage}/ipfs/{told['bulk']['cid']}").json()
    orders = httpx.get(f"{storage}/ipfs/{slices[0]}").json()
    assert told["bulk"]["volume"] == len(slices) == 1
    assert [order["dataset"] for order in orders] == [told["dataset"]["objAddress"]]
