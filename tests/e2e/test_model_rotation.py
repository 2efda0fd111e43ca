"""An owner rotates a model's key by command and in Python; runs work before and after."""

import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.errors import NotFound, OrderRefused
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = pytest.mark.localnet
SEALGRID = str(Path(sys.executable).with_name("sealgrid"))


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def requester(localnet, tmp_path):
    async with sealgrid.connect_async("requester", network=localnet.layout.network, data=tmp_path / "requester") as me:
        yield me


async def publish_model(owner, tmp_path, name):
    file = tmp_path / "model.onnx"
    file.write_bytes(passing((1, 3)))
    with pytest.warns(sealgrid.SimulatedPlatformWarning):
        return await owner.models.publish(file, price="1", name=name, uses=5)


async def run_succeeds(requester, model):
    run = await requester.run("onnx-runner", model=model, files=[("input.json", b"[[1, 2, 3]]")])
    return (await run.result()).json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]


def run_cli(localnet, *words):
    ended = subprocess.run(
        [SEALGRID, *words, "--home", str(localnet.layout.root)], capture_output=True, text=True, check=True
    )
    return ended.stdout


@pytest.mark.long
async def test_a_reshared_key_still_works_and_its_versions_are_listed(localnet, owner, requester, tmp_path):
    model = await publish_model(owner, tmp_path, "rotated")
    assert await run_succeeds(requester, "rotated")
    assert "version 2" in run_cli(localnet, "model", "rotate", "rotated")
    shown = (await owner.models.show("rotated")).versions
    assert [(each.number, each.vaults) for each in shown] == [(1, 0), (2, 3)]
    assert (await owner.models.rotate(model)).version == 3
    assert await run_succeeds(requester, "rotated")
    listed = run_cli(localnet, "model", "show", "rotated")
    assert listed.count("its shares are destroyed") == 2
    assert "version 3" in listed
    assert "stored by 3 vaults" in listed


@pytest.mark.long
async def test_a_resealed_model_replaces_the_old_one(owner, requester, tmp_path):
    old = await publish_model(owner, tmp_path, "resealed")
    assert await run_succeeds(requester, "resealed")
    done = await owner.models.rotate("resealed", reseal=True)
    assert (done.offers, done.unreached) == (1, ())
    new = await owner.models.show("resealed")
    assert new.address == done.address != old.address
    assert new.digest != old.digest
    assert [(offer.price, offer.uses) for offer in new.offers] == [(old.offers[0].price, 4)]
    assert await run_succeeds(requester, "resealed")
    before = await owner.models.show(old.address)
    assert before.offers == ()
    assert [each.vaults for each in before.versions] == [0]
    with pytest.raises(OrderRefused):
        await requester.run("onnx-runner", model=old.address, files=[("input.json", b"[[1, 2, 3]]")])
    plain = await owner.models.recover("resealed", tmp_path / "again.onnx")
    assert plain.read_bytes() == (tmp_path / "model.onnx").read_bytes()


async def test_only_an_owner_with_the_key_can_rotate_it(requester, owner, tmp_path):
    model = await publish_model(owner, tmp_path, "not-yours")
    with pytest.raises(NotFound, match="restore your backup"):
        await requester.models.rotate(model.address)
