"""Models that exporters write by default are sold and run in the network's enclaves; others are refused before sealing."""

import json
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.errors import InputRefused
from tests.unit.shipped_apps.onnx_writer import STRING, Node, Value, model, texts_attribute

pytestmark = [
    pytest.mark.localnet,
    pytest.mark.filterwarnings("ignore::sealgrid.sdk.simulated_warning.SimulatedPlatformWarning"),
]
CASES = Path(__file__).parents[1] / "unit/shipped_apps/onnx_runner/cases"
CLASSIFIER = model(
    [Node("ZipMap", ["x"], ["p"], texts_attribute("classlabels_strings", ["cat", "dog"]), domain="ai.onnx.ml")],
    [Value("x", shape=("rows", 2))],
    [Value("p", map_key=STRING, sequence=True)],
    opsets={"": 17, "ai.onnx.ml": 3},
)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def requester(localnet):
    async with sealgrid.connect_async("requester", data=localnet.layout.root) as me:
        yield me


async def test_a_classifier_is_sold_with_its_classes_and_answers_with_them(owner, requester, tmp_path):
    (tmp_path / "pets.onnx").write_bytes(CLASSIFIER)
    (tmp_path / "input.json").write_text("[[0.25, 0.75]]")
    published = await owner.models.publish(tmp_path / "pets.onnx", price="1", unproved=True)
    signature = (await requester.models.show(published)).signature
    assert (signature.checked, signature.outputs[0].classes) == ("inference", ("cat", "dog"))
    run = await requester.run("onnx-runner", model=published, files=[tmp_path / "input.json"])
    output = (await run.result()).json()["outputs"]["p"]
    assert (output["classes"], output["values"]) == (["cat", "dog"], [[0.25, 0.75]])


async def test_a_text_classifier_finds_its_locale_in_the_enclave(owner, requester):
    published = await owner.models.publish(CASES / "m03_spam_text.onnx", name="spam", price="1", unproved=True)
    run = await requester.run("onnx-runner", model=published, files=[CASES / "m03_input.json"])
    output = (await run.result()).json()["outputs"]["probabilities"]
    assert output["values"][0] == pytest.approx([0.1555795, 0.8444204], abs=1e-5)


async def test_weights_of_a_second_file_reach_the_enclave(owner, requester):
    published = await owner.models.publish(CASES / "m04_external.onnx", name="split", price="1", unproved=True)
    assert published.notices == ("the weights of m04_external.onnx.data are inside the sealed file.",)
    run = await requester.run("onnx-runner", model=published, files=[CASES / "m04_input.json"])
    output = (await run.result()).json()["outputs"]["y"]
    assert output["values"][0] == pytest.approx([10.216422, -0.2903497, 2.1352041], rel=1e-5)


async def test_a_model_that_no_run_could_open_is_not_published(owner, tmp_path):
    offered = {offer.address for offer in await owner.models.list(mine=True)}
    with pytest.raises(InputRefused, match=r"opset 40 of ai.onnx \(highest possible: 28\)"):
        await owner.models.publish(CASES / "m06_newer_opset.onnx", price="1")
    shutil.copy(CASES / "m04_external.onnx", tmp_path)
    with pytest.raises(InputRefused, match="which is not beside it"):
        await owner.models.publish(tmp_path / "m04_external.onnx", price="1")
    (tmp_path / "wrong.json").write_text(json.dumps({"sex": [["male"]]}))
    with pytest.raises(InputRefused, match="the input 'age', 'cabin' is missing"):
        await owner.models.publish(CASES / "m02_boat_pipeline.onnx", price="1", try_input=tmp_path / "wrong.json")
    assert {offer.address for offer in await owner.models.list(mine=True)} == offered
