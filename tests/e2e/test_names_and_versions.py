"""Names on one network: versions of an own model, a stranger's homonym, and names after the sale ended."""

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.chain.accounts import development_key
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.progress import ProgressStep

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]
APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["IEXEC_OUT"])
model = pathlib.Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"]).read_bytes()
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


async def deploy(client, folder, name):
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(APP)
    (folder / "app.toml").write_text(f'name = "{name}"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    return await client.apps.deploy(folder)


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


async def test_other_code_under_an_own_name_is_the_next_version_of_the_app(owner, tmp_path):
    made = await deploy(owner, tmp_path / "app", "tidy-up")
    assert (await deploy(owner, tmp_path / "app", "tidy-up")).address == made.address
    (tmp_path / "app" / "more.py").write_text("")
    changed = await owner.apps.deploy(tmp_path / "app")
    assert (made.name, changed.name) == ("tidy-up", "tidy-up@2")
    assert (await owner.apps.show("tidy-up")).address == changed.address
    assert (await owner.apps.show("tidy-up@1")).address == made.address
