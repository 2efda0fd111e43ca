"""iExec's own SDK (npm, unmodified) on a local network, as tests/iexec_client/acceptance.mjs uses it."""

import asyncio
import base64
import hashlib
import io
import json
import shutil
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
Output = dict[str, Any]


def bundle_at(storage: str, folder: Path) -> dict[str, str]:
    """Build an app and upload its bundle; return location and digest for iExec's client."""
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
def output(localnet: RunningNetwork, tmp_path_factory: pytest.TempPathFactory) -> Output:
    network = json.loads(localnet.layout.network.read_text())
    people = {role: development_key(name) for role, name in PEOPLE.items()} | {"requester": REQUESTER}
    bundle = bundle_at(network["storage_url"], tmp_path_factory.mktemp("app"))
    keys = {role: "0x" + key.secret.hex() for role, key in people.items()}
    group = asyncio.run(group_of(localnet, REQUESTER))
    arguments = {
        "network": network,
        "keys": keys,
        "file": FILE,
        "bundle": bundle,
        "group": group,
        "appText": APP_SECRET,
        "requesterText": REQUESTER_SECRET,
    }
    return run_script("acceptance.mjs", tmp_path_factory.mktemp("iexec"), arguments)


def address(name: str) -> str:
    return development_key(name).address


def test_the_sdk_deploys_an_app_and_a_dataset(output: Output) -> None:
    assert output["app"]["app"]["owner"].lower() == address("developer")
    assert output["dataset"]["dataset"]["owner"].lower() == address("owner")


def test_the_storage_node_has_the_file_that_the_sdk_encrypted_and_registered(
    output: Output, localnet: RunningNetwork
) -> None:
    sealed = httpx.get(f"{localnet.network.storage_url}/ipfs/{output['cid']}").content
    assert sealed.hex() == output["encrypted"]
    assert FILE.encode() not in sealed
    assert output["dataset"]["dataset"]["datasetChecksum"] == f"0x{hashlib.sha256(sealed).hexdigest()}"
    assert output["dataset"]["dataset"]["datasetMultiaddr"].endswith(output["cid"])


def test_only_its_owner_can_push_a_datasets_key_and_only_once(output: Output) -> None:
    secret = output["secret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, True, True)
    assert "not allowed to set secret" in secret["byStranger"]
    assert "already exists" in secret["again"]
    assert "encryption key is not set" in secret["unsigned"]


def test_a_developers_secret_is_pushed_once_and_only_the_app_reads_it(output: Output) -> None:
    secret = output["appSecret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, True, True)
    assert "not allowed to set secret" in secret["byStranger"]
    assert "already exists" in secret["again"]
    assert app_output_in(output["result"])["environment"]["IEXEC_APP_DEVELOPER_SECRET"] == APP_SECRET


def test_a_requesters_secret_is_pushed_once_and_read_under_each_number_by_its_own_tasks(output: Output) -> None:
    secret = output["requesterSecret"]
    assert (secret["before"], secret["pushed"], secret["after"]) == (False, {"isPushed": True}, True)
    assert ("already exists" in secret["again"], secret["ofAnother"]) == (True, False)
    app_output = {result: app_output_in(output[result])["environment"] for result in ("result", "ofBulk")}
    shown = {key: value for key, value in app_output["result"].items() if key.startswith("IEXEC_REQUESTER_SECRET_")}
    assert shown == dict.fromkeys(("IEXEC_REQUESTER_SECRET_1", "IEXEC_REQUESTER_SECRET_3"), REQUESTER_SECRET)
    assert "IEXEC_REQUESTER_SECRET_1" not in app_output["ofBulk"], "its params name no secret"


def test_the_adapter_returns_the_requesters_latest_rsa_key(output: Output, localnet: RunningNetwork) -> None:
    key = output["resultKey"]
    assert (key["before"], key["pushed"], key["after"]) == (False, {"isPushed": True, "isUpdated": False}, True)
    assert "already exists" in key["again"]
    assert all(key[push]["isUpdated"] for push in ("updated", "returned", "updatedAgain"))
    shown = httpx.get(f"{localnet.network.sms_url}/result-keys/{REQUESTER.address}").json()
    assert base64.b64decode(shown["value"]).decode() == key["pem"]


def test_the_adapter_stores_no_pushed_key_or_secret(output: Output, localnet: RunningNetwork) -> None:
    folder = localnet.layout.part("sms")
    written = b"".join(file.read_bytes() for file in [*folder.rglob("*.json"), localnet.layout.log("sms")])
    for form in (
        output["key"].encode(),
        base64.b64decode(output["key"]),
        APP_SECRET.encode(),
        REQUESTER_SECRET.encode(),
    ):
        assert form not in written


def app_output_in(archive: str) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(archive))) as files:
        found: dict[str, Any] = json.loads(files.read("result.json"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_market_publishes_and_returns_the_sdks_orders(output: Output, kind: str) -> None:
    fetched = output["fetched"][kind]
    uses = {"requestorder": 1, "datasetorder": 2}.get(kind, 3)
    assert (fetched["orderHash"], fetched["status"], fetched["remaining"]) == (output["published"][kind], "open", uses)
    assert output["published"][kind] in output["found"][kind]


def test_a_member_finds_and_matches_an_order_for_its_group(output: Output) -> None:
    restriction = output["fetched"]["apporder"]["order"]["requesterrestrict"].lower()
    assert restriction not in ("0x" + "00" * 20, REQUESTER.address)
    assert output["deal"]["app"]["pointer"] == output["app"]["objAddress"]


def test_the_orders_match_into_a_deal_that_the_sdk_shows(output: Output) -> None:
    deal = output["deal"]
    assert deal["app"]["pointer"] == output["app"]["objAddress"]
    assert deal["dataset"]["pointer"] == output["dataset"]["objAddress"]
    assert [int(deal[part]["price"], 16) for part in ("app", "dataset", "workerpool")] == [2, 3, 3]
    assert deal["sponsor"] == deal["requester"]
    assert (deal["requester"].lower(), deal["tasks"]) == (REQUESTER.address, [output["taskid"]])


def test_a_listener_of_the_feed_receives_the_deal(output: Output) -> None:
    event, deal = output["dealHeard"], output["deal"]
    assert (event["dealid"], event["requester"]) == (output["dealid"], deal["requester"])
    assert event["app"] == deal["app"] | {"price": 2}
    assert event["requestHash"] == output["published"]["requestorder"]


def test_the_sdk_shows_the_completed_task_and_the_pools_history(output: Output) -> None:
    assert (output["task"]["statusName"], output["task"]["dealid"]) == ("COMPLETED", output["dealid"])
    assert output["offchain"]["task"]["statusHistory"][0]["status"] == "INITIALIZED"
    (replicate,) = output["offchain"]["replicates"]
    assert (replicate["worker"], replicate["statusHistory"][0]["status"]) == (address("worker"), "STARTED")


def test_only_the_requester_gets_the_tasks_logs(output: Output) -> None:
    (log,) = output["logs"]
    assert (log["worker"], log["stdout"], "app.log" in log["stderr"]) == (address("worker"), "", True)
    assert "Only task requester" in output["logsOfAnother"]


def test_the_app_reads_the_dataset_and_the_sdk_downloads_the_result(output: Output) -> None:
    app_output = app_output_in(output["result"])
    assert (app_output["dataset"], app_output["args"]) == (FILE, ["hello"])
    assert app_output["environment"]["IEXEC_TASK_ID"] == output["taskid"]


def test_the_sdk_decrypts_a_result_that_is_encrypted_for_the_requesters_rsa_key(output: Output) -> None:
    app_output = app_output_in(output["decrypted"])
    assert (app_output["dataset"], app_output["args"]) == (FILE, ["privately"])
    assert app_output["environment"]["IEXEC_TASK_ID"] == output["secretTaskid"]
    assert FILE.encode() not in bytes.fromhex(output["sealed"])


def test_commands_and_pages_mark_the_dataset_as_iexec_compatible(
    output: Output, localnet: RunningNetwork, tmp_path: Path
) -> None:
    dataset = output["dataset"]["objAddress"].lower()
    shell = Shell(tmp_path, localnet.layout.root)
    assert "none, iExec-compatible" in shell.output("model", "show", dataset)
    assert json.loads(shell.output("data", "show", dataset, "--json"))["iexec_compatible"] is True
    page = asyncio.run(localnet.page(f"/models/{dataset}"))
    assert "iExec-compatible" in page
    assert "AES-256-CBC" in page
    assert "signed no policy" not in page


def test_the_sdk_stores_a_bulk_as_a_list_of_slices(output: Output, localnet: RunningNetwork) -> None:
    storage = localnet.network.storage_url
    slices = httpx.get(f"{storage}/ipfs/{output['bulk']['cid']}").json()
    orders = httpx.get(f"{storage}/ipfs/{slices[0]}").json()
    assert output["bulk"]["volume"] == len(slices) == 1
    assert [order["dataset"] for order in orders] == [output["dataset"]["objAddress"]]


def test_a_task_of_a_bulk_reads_its_datasets(output: Output) -> None:
    app_output = app_output_in(output["ofBulk"])
    assert (app_output["bulk"], app_output["dataset"], app_output["args"]) == ([FILE], None, ["in", "bulk"])
    assert app_output["environment"]["IEXEC_DATASET_1_FILENAME"] == output["dataset"]["objAddress"].lower()
    assert app_output["environment"]["IEXEC_TASK_ID"] == output["bulkTaskid"]
