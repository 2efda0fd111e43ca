"""iExec's own SDK (npm, unmodified) against a local network; tests/iexec_client/acceptance.mjs is what a user writes."""

import asyncio
import base64
import hashlib
import io
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.bundle.build import build
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import development_key
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from tests.e2e.iexec_script import run_script
from tests.e2e.running_network import RunningNetwork
from tests.e2e.shell import Shell

HERE = Path(__file__).parent
APP_SECRET = "key of the developer's service"
REQUESTER_SECRET = "key of the requester's account"
FILE = "age,km\n31,12\n"
PEOPLE = {"developer": "developer", "owner": "owner", "pool": "pool", "patron": "publisher"}
REQUESTER = SigningKey.generate()
KINDS = ("apporder", "datasetorder", "workerpoolorder", "requestorder")
Told = dict[str, Any]


def bundle_at(storage: str, folder: Path) -> dict[str, str]:
    """Lay an app down as a developer does who offers it through iExec's client: measured, its bundle at the node."""
    shutil.copy(HERE / "iexec_style_app.py", folder / "app.py")
    (folder / "app.toml").write_text(
        'name = "for-iexec"\nversion = "1.0.0"\nentrypoint = ["app.py"]\n[limits]\nwall_seconds = 60\n'
    )
    built = build(folder)
    upload = httpx.post(f"{storage}/uploads").json()["upload"]
    httpx.patch(f"{storage}/uploads/{upload}", content=built.archive)
    cid = httpx.post(f"{storage}/uploads/{upload}/end").json()["cid"]
    return {"location": f"/ipfs/{cid}", "digest": built.app_digest}


async def group_of(localnet: RunningNetwork, member: SigningKey) -> str:
    async with Node(localnet.network.rpc_url) as node:
        owner = Wallet(node, development_key("developer"))
        group = await AccessPolicy.deploy(owner)
        await group.grant(owner, member.address)
    return group.address


@pytest.fixture(scope="session")
def told(localnet: RunningNetwork, tmp_path_factory: pytest.TempPathFactory) -> Told:
    network = json.loads(localnet.layout.network.read_text())
    people = {role: development_key(name) for role, name in PEOPLE.items()} | {"requester": REQUESTER}
    bundle = bundle_at(network["storage_url"], tmp_path_factory.mktemp("app"))
    keys = {role: "0x" + key.secret.hex() for role, key in people.items()}
    group = asyncio.run(group_of(localnet, REQUESTER))
    given = {
        "network": network,
        "keys": keys,
        "file": FILE,
        "bundle": bundle,
        "group": group,
        "appText": APP_SECRET,
        "requesterText": REQUESTER_SECRET,
    }
    return run_script("acceptance.mjs", tmp_path_factory.mktemp("iexec"), given)


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


def test_the_developers_secret_goes_to_the_vaults_once_and_the_app_alone_reads_it(told: Told) -> None:
    secret = told["appSecret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, True, True)
    assert "not allowed to set secret" in secret["byStranger"]
    assert "already exists" in secret["again"]
    assert seen_in(told["result"])["environment"]["IEXEC_APP_DEVELOPER_SECRET"] == APP_SECRET


def test_a_requesters_secret_goes_to_the_vaults_once_and_to_its_own_tasks_under_each_number(told: Told) -> None:
    secret = told["requesterSecret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, {"isPushed": True}, True)
    assert ("already exists" in secret["again"], secret["ofAnother"]) == (True, False)
    seen = {result: seen_in(told[result])["environment"] for result in ("result", "ofBulk")}
    shown = {key: value for key, value in seen["result"].items() if key.startswith("IEXEC_REQUESTER_SECRET_")}
    assert shown == dict.fromkeys(("IEXEC_REQUESTER_SECRET_1", "IEXEC_REQUESTER_SECRET_3"), REQUESTER_SECRET)
    assert "IEXEC_REQUESTER_SECRET_1" not in seen["ofBulk"], "its params name none"


def test_the_requesters_rsa_key_is_shown_as_it_was_signed_last(told: Told, localnet: RunningNetwork) -> None:
    key = told["resultKey"]
    assert (key["before"], key["pushed"], key["after"]) == (False, {"isPushed": True, "isUpdated": False}, True)
    assert (key["updated"]["isUpdated"], "already exists" in key["again"]) == (True, True)
    shown = httpx.get(f"{localnet.network.sms_url}/result-keys/{REQUESTER.address}").json()
    assert base64.b64decode(shown["value"]).decode() == key["pem"]


def test_no_part_of_the_face_remembers_the_key(told: Told, localnet: RunningNetwork) -> None:
    face = localnet.layout.part("sms")
    written = b"".join(file.read_bytes() for file in [*face.rglob("*.json"), localnet.layout.log("sms")])
    for form in (told["key"].encode(), base64.b64decode(told["key"]), APP_SECRET.encode(), REQUESTER_SECRET.encode()):
        assert form not in written


def seen_in(archive: str) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(archive))) as files:
        found: dict[str, Any] = json.loads(files.read("result.json"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_market_takes_and_gives_the_sdks_orders(told: Told, kind: str) -> None:
    fetched = told["fetched"][kind]
    uses = {"requestorder": 1, "datasetorder": 2}.get(kind, 3)
    assert (fetched["orderHash"], fetched["status"], fetched["remaining"]) == (told["published"][kind], "open", uses)
    assert told["published"][kind] in told["found"][kind]


def test_an_order_for_a_group_is_found_and_matched_by_a_member_of_it(told: Told) -> None:
    restriction = told["fetched"]["apporder"]["order"]["requesterrestrict"].lower()
    assert restriction not in ("0x" + "00" * 20, REQUESTER.address)
    assert told["deal"]["app"]["pointer"] == told["app"]["objAddress"]


def test_the_orders_make_a_deal_that_the_sdk_shows(told: Told) -> None:
    deal = told["deal"]
    assert deal["app"]["pointer"] == told["app"]["objAddress"]
    assert deal["dataset"]["pointer"] == told["dataset"]["objAddress"]
    assert [int(deal[part]["price"], 16) for part in ("app", "dataset", "workerpool")] == [2, 3, 3]
    assert deal["sponsor"] == deal["requester"]
    assert (deal["requester"].lower(), deal["tasks"]) == (REQUESTER.address, [told["taskid"]])


def test_whoever_listens_to_the_market_hears_of_the_deal(told: Told) -> None:
    heard, deal = told["dealHeard"], told["deal"]
    assert (heard["dealid"], heard["requester"]) == (told["dealid"], deal["requester"])
    assert heard["app"] == deal["app"] | {"price": 2}
    assert heard["requestHash"] == told["published"]["requestorder"]


def test_the_sdk_sees_the_task_end_and_asks_the_pool_how_it_went(told: Told) -> None:
    assert (told["task"]["statusName"], told["task"]["dealid"]) == ("COMPLETED", told["dealid"])
    assert told["offchain"]["task"]["statusHistory"][0]["status"] == "INITIALIZED"
    (replicate,) = told["offchain"]["replicates"]
    assert (replicate["worker"], replicate["statusHistory"][0]["status"]) == (address("worker"), "STARTED")


def test_the_requester_gets_the_tasks_logs_of_its_worker_and_nobody_else_does(told: Told) -> None:
    (log,) = told["logs"]
    assert (log["worker"], log["stdout"], "app.log" in log["stderr"]) == (address("worker"), "", True)
    assert "Only task requester" in told["logsOfAnother"]


def test_an_enclave_opened_the_dataset_for_the_app_and_the_sdk_downloads_what_it_made_of_it(told: Told) -> None:
    seen = seen_in(told["result"])
    assert (seen["dataset"], seen["args"]) == (FILE, ["hello"])
    assert seen["environment"]["IEXEC_TASK_ID"] == told["taskid"]


def test_a_result_for_the_requesters_rsa_key_is_decrypted_by_the_sdk_and_read_by_nobody_else(told: Told) -> None:
    seen = seen_in(told["decrypted"])
    assert (seen["dataset"], seen["args"]) == (FILE, ["privately"])
    assert seen["environment"]["IEXEC_TASK_ID"] == told["secretTaskid"]
    assert FILE.encode() not in bytes.fromhex(told["sealed"])


def test_commands_and_pages_say_that_such_a_dataset_has_no_policy_but_orders(
    told: Told, localnet: RunningNetwork, tmp_path: Path
) -> None:
    dataset = told["dataset"]["objAddress"].lower()
    shell = Shell(tmp_path, localnet.layout.root)
    assert "none, iExec-compatible" in shell.output("model", "show", dataset)
    assert json.loads(shell.output("data", "show", dataset, "--json"))["iexec_compatible"] is True
    page = f"{localnet.network.web_url}/models/{dataset}"
    deadline = time.monotonic() + 60
    while (answer := httpx.get(page)).status_code == 404 and time.monotonic() < deadline:
        time.sleep(0.2)  # the pages follow the chain a moment later
    assert "iExec-compatible" in answer.text
    assert "AES-256-CBC" in answer.text
    assert "signed no policy" not in answer.text


def test_a_bulk_of_datasets_is_laid_down_slice_by_slice(told: Told, localnet: RunningNetwork) -> None:
    storage = localnet.network.storage_url
    slices = httpx.get(f"{storage}/ipfs/{told['bulk']['cid']}").json()
    orders = httpx.get(f"{storage}/ipfs/{slices[0]}").json()
    assert told["bulk"]["volume"] == len(slices) == 1
    assert [order["dataset"] for order in orders] == [told["dataset"]["objAddress"]]


def test_a_task_of_the_bulk_finds_its_datasets_and_its_deal_names_none(told: Told) -> None:
    seen = seen_in(told["ofBulk"])
    assert (seen["bulk"], seen["dataset"], seen["args"]) == ([FILE], None, ["in", "bulk"])
    assert seen["environment"]["IEXEC_DATASET_1_FILENAME"] == told["dataset"]["objAddress"].lower()
    assert seen["environment"]["IEXEC_TASK_ID"] == told["bulkTaskid"]
