"""An owner grants, audits and revokes the use of a model; a vault that hides a use is named."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

import sealgrid
from sealgrid.attestation.policy import Machines
from sealgrid.chain.accounts import development_key
from sealgrid.errors import ContractReverted, DealRefused, OrderRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.poco.refusals import explain
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.wire.log import LogClient
from tests.e2e.shell import Shell
from tests.unit.shipped_apps.onnx_writer import passing

REFUSED_REQUESTER = "iExecV5-matchOrders-0x18"

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def shell(localnet, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("uses")
    (folder / "granted.onnx").write_bytes(passing((1, 3)))
    (folder / "input.json").write_text("[[1, 2, 3]]")
    return Shell(folder, localnet.layout.root)


async def output_of(shell, *words):
    """Run a command in a thread, since commands have their own event loop; return its output."""
    return await asyncio.to_thread(shell.output, *words)


async def error_of(shell, *words):
    return await asyncio.to_thread(shell.error_line, *words)


def document(printed: str):
    return msgspec.json.decode(printed.encode())


class HidingLogClient(LogClient):
    """A vault that omits the newest entry from its responses."""

    async def entries_of(self, asset, first):
        page = await super().entries_of(asset, first)
        return msgspec.structs.replace(page, entries=page.entries[:-1])


async def test_grant_use_usage_revoke_refused(localnet, people, shell):
    made = (await output_of(shell, "model", "publish", "granted.onnx", "--price", "3")).split()[0]
    granted = document(await output_of(shell, "model", "grant", made, "requester", "--until", "2090-01-01", "--json"))
    assert (granted["closed"], granted["account"]) == (1, development_key("requester").address)

    async with sealgrid.connect_async("requester2", data=localnet.layout.root) as other:
        with pytest.raises(OrderRefused, match="restricted to others"):
            await other.run("onnx-runner", model=made, files=[shell.folder / "input.json"])
    async with sealgrid.connect_async("requester", data=localnet.layout.root) as me:
        run = await me.run("onnx-runner", model=made, files=[shell.folder / "input.json"])
        assert (await run.result()).json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]

    usage = document(await output_of(shell, "model", "usage", made, "--json"))
    own, use = usage["uses"]
    assert own["requester"] == development_key("owner").address, "the owner's proving run"
    assert (use["task"], use["requester"]) == (run.task, development_key("requester").address)
    assert (len(use["vaults"]), usage["findings"]) == (3, [])
    assert "every log, every witness and the chain agree" in await output_of(shell, "model", "usage", made)

    for place in range(3):
        logs = list(people.stranger.logs)
        logs[place] = HidingLogClient(logs[place]._transport)
        found = await usage_of(replace(people.stranger, logs=tuple(logs)), made)
        assert [(each.check, each.vault) for each in found.findings] == [
            ("usage.4", people.stranger.vault_addresses[place])
        ]
        assert not found.ok

    offer, *_ = await people.owner.market.orders(
        "datasetorders", dataset=made, app="any", requester="any", workerpool="any"
    )
    order = from_document(DatasetOrder, offer.order)
    revoked = document(await output_of(shell, "model", "revoke", made, "requester", "--json"))
    assert (revoked["worst_delay"], len(revoked["access"])) == (7 * 36000, 1)
    with pytest.raises(ContractReverted, match=explain(REFUSED_REQUESTER)):
        await match_unchecked(people.requester, run, order)
    async with sealgrid.connect_async("requester", data=localnet.layout.root) as me:
        with pytest.raises(OrderRefused, match="restricted to others"):
            await me.run("onnx-runner", model=made, files=[shell.folder / "input.json"])


async def match_unchecked(conn, run, order):
    """Match the revoked order without the SDK's checks."""
    terms = run._job.terms
    wanted = msgspec.structs.replace(terms.request, salt="0x" + "77" * 32)
    signed = sign_order(wanted, conn.order_domain, conn.key)
    await conn.hub.match_orders(conn.wallet, terms.app, order, terms.workerpool, signed)


async def test_the_vaults_refuse_an_account_after_revoke_running_despite_its_deal(localnet, people, shell):
    (shell.folder / "running.onnx").write_bytes(passing((1, 3)))
    made = (await output_of(shell, "model", "publish", "running.onnx", "--price", "3")).split()[0]
    revoked = document(await output_of(shell, "model", "revoke", made, "requester2", "--running", "--json"))
    assert (revoked["worst_delay"], revoked["access"]) == (0, [])
    assert development_key("requester2").address in await output_of(shell, "model", "policy", "show", made)
    async with sealgrid.connect_async("requester2", data=localnet.layout.root) as me:
        with pytest.raises(DealRefused, match="refuses this requester") as caught:
            await me.run("onnx-runner", model=made, files=[shell.folder / "input.json"])
        assert (caught.value.check, caught.value.money) == ("7.10", "No money moved.")
    usage = document(await output_of(shell, "model", "usage", made, "--json"))
    assert {use["requester"] for use in usage["uses"]} == {development_key("owner").address}, (
        "only the owner's proving run"
    )


async def test_an_owner_changes_the_policy_at_every_vault(people, shell):
    (shell.folder / "terms.onnx").write_bytes(passing((1, 3)))
    made = (await output_of(shell, "model", "publish", "terms.onnx", "--price", "3")).split()[0]
    printed = await output_of(
        shell,
        "model",
        "policy",
        "set",
        made,
        "--quorum",
        "3",
        "--uses-total",
        "5",
        "--deny-machine",
        "0x0A0B",
        "--forbid-advisory",
        "INTEL-SA-00615",
        "--until",
        "2031-05-01",
    )
    assert "version      2" in printed
    assert "2031-05-01" in printed
    assert await output_of(shell, "model", "policy", "show", made) == printed
    for vault in people.owner.vaults:
        policy = (await vault.asset(made, people.owner.address)).policy
        assert (policy.version, policy.quorum, policy.uses_total) == (2, 3, 5)
        assert policy.machines == Machines(denied=("0a0b",), forbidden_advisories=("intel-sa-00615",))
    assert "(policy.4)" in await error_of(shell, "model", "policy", "set", made, "--quorum", "1")
