"""Seconds of each stage, names of development accounts, files of the report."""

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.demos.common.steps import DemoSteps, Stopwatch, folder_of, name_of
from sealgrid.errors import SetupMissing
from sealgrid.units import to_address
from tests.unit.sdk.network_file import network


def test_the_seconds_of_a_stage_add_up_in_the_order_of_their_first_appearance():
    times = iter([0.0, 1.5, 2.0, 2.5, 10.0, 11.0])
    watch = Stopwatch(lambda: next(times))
    for stage in ("seal", "buy", "seal"):
        with watch.stage(stage):
            pass
    assert list(watch.seconds.items()) == [("seal", 2.5), ("buy", 0.5)]


def test_a_stage_that_fails_is_timed_too():
    times = iter([0.0, 3.0])
    watch = Stopwatch(lambda: next(times))
    with pytest.raises(ValueError, match="broken"), watch.stage("seal"):
        raise ValueError("broken")
    assert watch.seconds == {"seal": 3.0}


def test_accounts_and_apps_have_names():
    assert name_of(development_key("owner").address) == "owner"
    assert name_of(to_address(bytes(20))) == "?"
    assert folder_of("copy_out").name == "copy_out"
    with pytest.raises(SetupMissing, match="the app 'nothing' is missing"):
        folder_of("nothing")


async def test_the_accounts_of_a_demo_are_connected_in_order(tmp_path):
    steps = DemoSteps(network(folder="/nowhere"), tmp_path / "report", print)
    async with steps.accounts("owner", "requester") as connected:
        assert [each.address for each in connected] == [
            development_key(name).address for name in ("owner", "requester")
        ]
    assert steps.write("receipt.json", b"{}").read_bytes() == b"{}"
