"""A request is compared with the app's input specification; an app without one takes anything."""

from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.manifest import SCHEMA_WITH_INPUTS
from sealgrid.errors import InputMismatch, NotFound, ServiceUnavailable
from sealgrid.sdk.asset_facts import AssetFacts
from sealgrid.sdk.operations.run_inputs import check_request, check_request_model, check_stored
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from tests.unit.bundle.test_manifest import MANIFEST

APP, MODEL = to_address(b"\x11" * 20), to_address(b"\x22" * 20)
TOP, LIMIT = (ArgumentSpec(name=name, type="integer") for name in ("--top", "--limit"))
SPEC = InputSpec(model="required", files=FileSpec(), arguments=(TOP, LIMIT))
WITH_INPUTS = msgspec.structs.replace(MANIFEST, schema=SCHEMA_WITH_INPUTS, inputs=SPEC)


def test_an_app_without_a_specification_takes_anything():
    check_request(MANIFEST, RunRequest(APP, args=["x"]))
    check_request_model(MANIFEST, RunRequest(APP))


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"model": "0x" + "00" * 20}, "inputs.1"),
        ({"files": ()}, "inputs.3"),
        ({"args": ["--limit", "x"]}, "inputs.6"),
        ({"public_args": "--top x"}, "inputs.6"),
        ({"args": ["--top", "2"]}, "inputs.6"),
        ({"secrets": {"1": "x"}}, "inputs.7"),
    ],
)
def test_each_part_of_a_request_is_compared(change, check):
    fitting = {"model": MODEL, "files": [("a", b"x")], "public_args": "--top 1", "args": ["--limit", "2"]}
    check_request(WITH_INPUTS, RunRequest(APP, **fitting))
    with pytest.raises(InputMismatch, match="app ") as refused:
        check_request(WITH_INPUTS, RunRequest(APP, **(fitting | change)))
    assert refused.value.check == check


def test_of_a_sealed_input_only_the_model_is_compared():
    check_request_model(WITH_INPUTS, RunRequest(APP, model=MODEL))
    with pytest.raises(InputMismatch, match="needs a model"):
        check_request_model(WITH_INPUTS, RunRequest(APP))


@pytest.mark.parametrize("error", [None, NotFound("no such file."), ServiceUnavailable("away.")])
async def test_a_model_whose_sealed_file_is_gone_cannot_be_bought(error):
    async def read(kind, asset):
        return AssetFacts("iris", to_digest(b"\x01" * 32))

    async def size(checksum):
        if error is not None:
            raise error

    conn = SimpleNamespace(asset_facts=SimpleNamespace(read=read), storage=SimpleNamespace(size=size))
    await check_stored(conn, ZERO_ADDRESS)
    if error is None:
        await check_stored(conn, MODEL)
        return
    expected = "the sealed file of 'iris' is gone" if isinstance(error, NotFound) else "away"
    with pytest.raises(type(error), match=expected):
        await check_stored(conn, MODEL)
