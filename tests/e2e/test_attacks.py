"""Every attack of the suite is stopped, by the check that the page names."""

from running_network import start_network

from attacks.__main__ import run
from attacks.table import PAGE, page


async def test_every_attack_is_stopped_by_the_check_that_the_page_names(tmp_path):
    running = start_network(tmp_path / "network")  # its own: the suite takes blocks back
    try:
        (tmp_path / "scene").mkdir()
        tried = await run(running.network, tmp_path / "scene", told=lambda line: None)
    finally:
        running.stop()
    assert [attack.title for attack, outcome in tried if not outcome.stopped] == []
    assert page(tried) == PAGE.read_text(), "write the page anew with: make attack"
