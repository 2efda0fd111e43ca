"""Every attack of the suite is stopped by the check that the page names, on a network with a gate too."""

from attacks.__main__ import Tried, run
from attacks.table import PAGE, page
from tests.e2e.running_network import start_network


async def run_attacks(folder, *options: str) -> list[Tried]:
    running = start_network(folder / "network", *options)  # a separate network: the suite reverts blocks
    try:
        (folder / "scene").mkdir()
        return await run(running.network, folder / "scene", on_progress=lambda line: None)
    finally:
        running.stop()


async def test_every_attack_is_stopped_by_the_check_that_the_page_names(tmp_path):
    tried = await run_attacks(tmp_path)
    assert [attack.title for attack, outcome in tried if not outcome.stopped] == []
    assert page(tried) == PAGE.read_text(), "regenerate the page with: make attack"


async def test_behind_a_gate_every_attack_is_stopped_by_the_same_check(tmp_path):
    """An exception is the payment of a deal that the chain does not know: it has no recorded judge, so PoCo refuses."""
    tried = await run_attacks(tmp_path, "--gate")
    assert [attack.title for attack, outcome in tried if not outcome.stopped] == []
    named = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[3] for line in PAGE.read_text().splitlines()[9:]
    }
    differing = {
        attack.title: (outcome.by, outcome.check) for attack, outcome in tried if outcome.check != named[attack.title]
    }
    unexpected = {title: each for title, each in differing.items() if each[1] or named[title] != "-"}
    assert unexpected == {
        "take the deal back before the payment": ("PoCo", ""),
        "be paid for an invented deal that vaults vouch for": ("PoCo", "task"),
    }
