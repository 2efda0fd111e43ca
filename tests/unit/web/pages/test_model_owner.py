"""The form that publishes a model: the apps to choose from, and names of uploaded files, which become part of a path."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages.model_owner import base_name
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import WALLET, browser, open_site


@pytest.mark.parametrize("filename", ["model.onnx", "/home/me/model.onnx", "../model.onnx"])
def test_the_last_part_of_a_path_is_the_name(filename):
    assert base_name(filename) == "model.onnx"


@pytest.mark.parametrize("filename", ["..", "/", ".", "a\0b", "x" * 256, "a\\b", "a\nb"])
def test_an_invalid_file_name_is_refused(filename):
    with pytest.raises(InputRefused, match="name"):
        base_name(filename)


async def test_the_choice_of_an_app_says_which_is_built_from_this_release(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        shipped = shipped_bundle("hash-file", site.network.python).app_digest
        rows = [asset_row(1, "App", "", shipped), asset_row(2, "App", ""), asset_row(3, "App", "")]
        names = ("hash-file", "hash_file@2", "mine")
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        named = tuple(row | {"name": name} for row, name in zip(rows, names, strict=True))
        store.write(IndexedBlocks(assets=named), trail_of([0]))
        store.close()
        page = (await browser(site, WALLET).get("/models/new")).text
    options = {row["address"]: page.split(f'<option value="{row["address"]}"')[1].split("</option>")[0] for row in rows}
    built, forged, other = options.values()
    assert built.endswith(" · built from this release")
    assert "NOT built from this release" in forged
    assert "built" not in other
