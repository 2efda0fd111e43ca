"""Every attack of the suite is stopped by the check that the page names; the chain's checks stop it behind a gate too."""

from collections.abc import Sequence

import pytest

from attacks.__main__ import Tried, run
from attacks.attack import Attack
from attacks.suite import SUITE
from attacks.table import PAGE, page
from tests.e2e.running_network import start_network

#: What a gate stands before, by the page's column; `make attack` tries all attacks behind a gate.
ON_CHAIN = ("PoCo", "PoCo, which asks the broker", "broker", "pool", "receiving contract")


async def run_attacks(folder, *options: str, suite: Sequence[Attack] = SUITE) -> list[Tried]:
    running = start_network(folder / "network", *options)  # a separate network: the suite reverts blocks
    try:
        (folder / "scene").mkdir()
        return await run(running.network, folder / "scene", suite, on_progress=lambda line: None)
    finally:
        running.stop()


def named_checks() -> dict[str, tuple[str, str]]:
    """Return title -> who stops an attack, and its check, by the page."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines()[9:]]
    return {title: (by, check) for title, _, by, check, *_ in rows}


@pytest.mark.long
async def test_every_attack_is_stopped_by_the_check_that_the_page_names(tmp_path):
    tried = await run_attacks(tmp_path)
    assert [attack.title for attack, outcome in tried if not outcome.stopped] == []
    assert page(tried) == PAGE.read_text(), "regenerate the page with: make attack"


@pytest.mark.long
async def test_behind_a_gate_the_chain_stops_the_same_attacks_by_the_same_checks(tmp_path):
    """An exception is the payment of a deal that the chain does not know: it has no recorded judge, so PoCo refuses."""
    named = named_checks()
    suite = [attack for attack in SUITE if named[attack.title][0] in ON_CHAIN]
    assert len(suite) > 8
    tried = await run_attacks(tmp_path, "--gate", suite=suite)
    assert [attack.title for attack, outcome in tried if not outcome.stopped] == []
    differing = {
        attack.title: (outcome.by, outcome.check)
        for attack, outcome in tried
        if outcome.check != named[attack.title][1]
    }
    unexpected = {title: each for title, each in differing.items() if each[1] or named[title][1] != "-"}
    assert unexpected == {
        "take the deal back before the payment": ("PoCo", ""),
        "be paid for an invented deal that vaults vouch for": ("PoCo", "task"),
    }
