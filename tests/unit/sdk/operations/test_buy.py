"""What a request publishes about its input, and what a purchase refuses before anything is sealed."""

import json
from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.sdk.operations import buy
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import to_address, to_digest
from tests.unit.sdk.network_file import network
from tests.unit.sdk.stores.job_records import job

INPUT, KEY = to_digest(bytes(range(32))), b"\x07" * 32
APP = to_address(b"\xaa" * 20)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, {}),
        ({"public_args": "--fast 'two words'"}, {"iexec_args": "--fast 'two words'"}),
        ({"deferred_callback": True}, {"callback": "deferred"}),
    ],
)
def test_the_params_name_the_sealed_input_and_the_result_key(options, more):
    params = json.loads(buy.params_of(INPUT, KEY, **options))
    own = {"inputs": [INPUT], "result_key": "0x" + KEY.hex()}
    own |= {"callback": more["callback"]} if "callback" in more else {}
    assert params == {"sealgrid": own} | {name: value for name, value in more.items() if name == "iexec_args"}


def test_the_asset_of_an_input_is_the_first_20_bytes_of_its_hash():
    assert buy.input_asset(INPUT) == to_address(bytes(range(20)))


def test_every_task_of_a_deal_has_its_own_id_and_the_same_key():
    bought = buy.replace(job(), tasks=3)
    assert [each.task for each in bought.all_tasks()] == [task_id(bought.deal, index) for index in range(3)]
    assert {each.result_key for each in bought.all_tasks()} == {bought.result_key}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (RunRequest(APP, files=[("../escape", b"")]), r"^\(input\.3\)"),
        (RunRequest(APP, files=[("a", b""), ("a", b"")]), r"^\(input\.4\)"),
        (RunRequest(APP, pool="unknown"), "pins no pool called 'unknown'"),
    ],
)
async def test_input_that_the_enclave_would_refuse_and_unknown_pools_are_refused_first(request_, reason):
    with pytest.raises(InputRefused, match=reason):
        await buy.run(SimpleNamespace(network=network()), request_)


async def test_a_deal_that_the_chain_does_not_have_has_no_payer():
    async def view_deal(deal):
        if deal != INPUT:
            raise NotFound("no such deal.")
        return SimpleNamespace(sponsor=APP)

    conn = SimpleNamespace(hub=SimpleNamespace(view_deal=view_deal))
    assert await buy.payer(conn, INPUT) == APP
    assert await buy.payer(conn, to_digest(bytes(32))) is None
