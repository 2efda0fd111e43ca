"""Names on one network: versions of an own model, a stranger's homonym, and names after the sale ended."""

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations.release_marks import ReleaseMark
from sealgrid.sdk.progress import ProgressStep
from sealgrid.wire.storage import location

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]
APP = """
import json, os, pathlib, time
out = pathlib.Path(os.environ["IEXEC_OUT"])
model = pathlib.Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"]).read_bytes()
time.sleep(5 if model.startswith(b"slow") else 0)
(out / "result.txt").write_bytes(model)
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.txt")}))
"""


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(localnet):
    async with sealgrid.connect_async("stranger", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def requester(localnet):
    async with sealgrid.connect_async("requester", data=localnet.layout.root) as me:
        yield me


async def deploy(client, folder, name, **options):
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(APP)
    files = 'files = ["*.py", "CHANGELOG.md"]'
    (folder / "app.toml").write_text(f'name = "{name}"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n{files}\n')
    return await client.apps.deploy(folder, **options)


async def publish(client, folder, content, app, name):
    (folder / "model").write_bytes(content)
    terms = {"price": "1", "uses": 10, "check_file": False, "unproved": True}
    return await client.models.publish(folder / "model", app=app, name=name, **terms)


async def test_names_hold_through_versions_homonyms_and_the_end_of_the_sale(owner, stranger, requester, tmp_path):
    echo, other = await deploy(owner, tmp_path / "echo", "echo"), await deploy(stranger, tmp_path / "other", "other")
    first = await publish(owner, tmp_path, b"one", echo, "versioned")
    second = await publish(owner, tmp_path, b"two", echo, "versioned")
    assert (first.name, second.name) == ("versioned", "versioned@2")
    foreign = await publish(stranger, tmp_path, b"three", other, "versioned")

    steps: list[ProgressStep] = []
    newest = await requester.run(echo, model="versioned", on_progress=steps.append)
    assert (await newest.result()).files["result.txt"] == b"two"
    assert not [step for step in steps if "newer version" in step.what]
    old = await requester.run(echo, model="versioned@1", on_progress=steps.append)
    assert (await old.result()).files["result.txt"] == b"one"
    assert [step.what for step in steps if step.lasting and "newer" in step.what] == [
        "a newer version of this model is offered: versioned@2"
    ]
    with pytest.raises(InputRefused, match=f"2 accounts have a model called 'versioned'.*'{foreign.owner}/versioned'"):
        await requester.models.show("versioned")
    assert (await requester.models.show(f"{first.owner}/versioned")).address == second.address

    await owner.models.unlist("versioned")
    assert (await owner.models.show("versioned@2")).address == second.address, "an own name resolves after the sale"
    assert (await owner.models.show("versioned")).address == first.address, "of own versions one on offer is meant"
    assert [use.requester for use in (await owner.models.usage("versioned@2")).uses] == [
        development_key("requester").address
    ]
    assert (await (await requester.run(echo, model="versioned")).result()).files["result.txt"] == b"one"
    await owner.models.unlist("versioned@1")
    with pytest.raises(OrderRefused, match="nobody offers"):
        await requester.run(echo, model=f"{first.owner}/versioned")


async def test_other_code_under_an_own_name_is_the_next_version_of_the_app(owner, requester, tmp_path):
    folder, steps = tmp_path / "app", []
    made = await deploy(owner, folder, "tidy-up", on_progress=steps.append)
    assert (await deploy(owner, folder, "tidy-up", on_progress=steps.append)).address == made.address
    assert steps == [], "a first version and the same code need no changelog"
    (folder / "more.py").write_text("")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.1.0\n- Tidies <b>more</b>.\n")
    changed = await owner.apps.deploy(folder, on_progress=steps.append)
    assert (made.name, changed.name) == ("tidy-up", "tidy-up@2")
    assert steps == []
    shown, old = await owner.apps.show("tidy-up"), await owner.apps.show("tidy-up@1")
    assert (shown.address, old.address) == (changed.address, made.address)
    assert (shown.changelog.splitlines()[2:], old.changelog) == (["## 1.1.0", "- Tidies <b>more</b>."], "")
    assert (shown.newer, old.newer.address) == (None, changed.address)

    await requester.quote("tidy-up@1", on_progress=steps.append)
    await requester.quote(made, on_progress=steps.append)
    newer = "a newer version of this app is offered: tidy-up@2 (1.1.0: Tidies <b>more</b>.)"
    assert [step.what for step in steps if "newer version" in step.what] == [newer, newer]
    await requester.quote("tidy-up", on_progress=(latest := []).append)
    assert not [step for step in latest if "newer version" in step.what]

    (folder / "CHANGELOG.md").unlink()
    await owner.apps.deploy(folder, on_progress=(warned := []).append)
    ((warning, lasting),) = [(step.what, step.lasting) for step in warned]
    assert lasting
    assert warning.startswith("warning: tidy-up@3 is a new version without a changelog; ")


async def test_a_shipped_app_is_marked_and_its_look_alike_is_not(owner, requester, tmp_path):
    shipped = await owner.apps.deploy("hash-file")
    forged = await deploy(owner, tmp_path / "forged", "hash-file")
    assert (shipped.release, shipped.offers[0].release) == (ReleaseMark.BUILT, ReleaseMark.BUILT)
    assert (forged.name, forged.release) == ("hash-file@2", ReleaseMark.LOOK_ALIKE)
    listed = {offer.address: offer.release for offer in await requester.apps.list()}
    assert listed[shipped.address] is ReleaseMark.BUILT
    assert listed[forged.address] is ReleaseMark.LOOK_ALIKE
    assert (await requester.quote(forged)).release is ReleaseMark.LOOK_ALIKE
    assert (await requester.apps.show("hash-file")).release is ReleaseMark.BUILT, "its name means its code"
    await owner.apps.unlist(forged)


async def test_the_sealed_file_of_an_unlisted_model_is_removed_once_no_run_needs_it(owner, requester, tmp_path):
    echo = await deploy(owner, tmp_path / "echo", "echo")
    model = await publish(owner, tmp_path, b"slow and secret", echo, "removable")
    bought = await requester.run(echo, model="removable")
    with pytest.raises(InputRefused, match="have not ended and need the file; it must stay until they end, at the"):
        await owner.models.unlist("removable", delete_file=True)
    assert (await owner.models.show("removable")).offers, "nothing was cancelled"
    assert (await bought.result()).files["result.txt"] == b"slow and secret", "a run that was bought before ends well"

    done = await owner.models.unlist("removable", delete_file=True)
    assert (done.cancelled, [node.removed for node in done.nodes]) == (1, [True])
    async with connect(owner.network, development_key("stranger")) as conn:
        with pytest.raises(NotFound):
            await conn.storage.size(model.digest)
    assert (await owner.models.unlist("removable", delete_file=True)).cancelled == 0, "it can be repeated"
    for run in (owner.run(echo, model="removable"), owner.run(echo, model=model), requester.quote(echo, model)):
        with pytest.raises(NotFound, match="the sealed file of 'removable' is gone from this network's storage"):
            await run
    with pytest.raises(NotFound, match="is gone"):
        await owner.models.offer("removable", price="1")
    with pytest.raises(NotFound):
        await owner.models.recover("removable", tmp_path / "recovered")
    assert (await owner.models.show("removable")).offers == ()
    assert len((await owner.models.usage("removable")).uses) == 1, "the usage stays readable"


async def test_a_file_that_a_model_of_another_account_names_stays(owner, stranger, tmp_path):
    echo = await deploy(owner, tmp_path / "echo", "echo")
    model = await publish(owner, tmp_path, b"of the owner", echo, "kept")
    with pytest.raises(InputRefused, match="belongs to another account"):
        await stranger.models.unlist("kept", delete_file=True)
    async with connect(owner.network, development_key("stranger")) as conn:
        twin = await Assets(conn.hub).create_dataset(
            conn.wallet, name="twin", multiaddr=location(model.digest), checksum=model.digest
        )
        for client, named in ((stranger, twin), (owner, model)):
            (node,) = (await client.models.unlist(named, delete_file=True)).nodes
            assert not node.removed
            assert "a model of another account, names the same file" in node.reason
        assert await conn.storage.size(model.digest), "the file is still there"
