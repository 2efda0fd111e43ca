"""The data marketplace: its list, addresses without a model, and logs that cannot be read."""

from pathlib import Path
from typing import Any

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages import models as page
from sealgrid.web.site import Site
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import OWNER, browser, open_site

MODEL = f"0x{7:040x}"


def fill(folder: Path) -> None:
    store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
    store.write(IndexedBlocks(assets=(asset_row(7, "Dataset", "") | {"name": "plates"},)), trail_of([0]))
    store.close()


async def test_the_list_shows_a_model_without_an_offer(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fill(tmp_path)
        shown = (await browser(site).get("/models")).text
    assert "plates" in shown
    assert f"/models/{MODEL}" in shown


@pytest.mark.parametrize("path", [f"/models/{OWNER}", f"/models/{OWNER}/uses"])
async def test_an_address_without_a_model_is_not_found(site: Site, path: str) -> None:
    assert (await browser(site).get(path)).status_code == 404


async def test_logs_that_cannot_be_verified_show_their_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(*_: object) -> Any:
        raise ServiceUnavailable("no vault serves its log.")

    monkeypatch.setattr(page, "usage_of", unavailable)
    async with open_site(tmp_path, logs=()) as site:
        fill(tmp_path)
        shown = (await browser(site).get(f"/models/{MODEL}/uses")).text
    assert "no vault serves its log." in shown
