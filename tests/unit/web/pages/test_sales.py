"""Forms of owners: values are checked before anything is signed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from sealgrid.sdk.amounts import amount
from sealgrid.sdk.operations.own_offers import NodeRemoval, UnlistResult
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages.sales import capitalised
from sealgrid.web.site import Site
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import ORIGIN, OWNER, VISITOR, browser


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Return the calls of the visitor's client."""
    made: list[tuple[str, Any]] = []

    class Assets:
        async def offer(self, address: str, **terms: Any) -> None:
            made.append((address, terms))

    async def client(*_: object) -> Any:
        return SimpleNamespace(account=SimpleNamespace(address=VISITOR), apps=Assets(), models=Assets())

    monkeypatch.setattr(Site, "client", client)
    return made


async def test_an_app_is_offered_with_its_price_and_uses(site: Site, calls: list[tuple[str, Any]]) -> None:
    client = browser(site)
    site.hub.height = -1  # type: ignore[attr-defined]  the index has the chain's head
    form = {"price": "1.5", "uses": "10"}
    reply = await client.post(f"/apps/{OWNER}/offer", data=form, headers={"origin": ORIGIN})
    assert (reply.status_code, reply.headers["location"]) == (303, f"/apps/{OWNER}")
    assert calls == [(OWNER, {"price": amount("1.5"), "uses": 10})]


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        (f"/apps/{OWNER}/offer", {"price": "1", "uses": "0"}, "uses"),
        (f"/apps/{OWNER}/offer", {"price": "much", "uses": "1"}, "much"),
        (f"/models/{OWNER}/offer", {"price": "1", "uses": "-1"}, "uses"),
        (f"/models/{OWNER}/price", {"price": "much"}, "much"),
    ],
)
async def test_an_invalid_value_is_refused_before_anything_is_signed(
    site: Site, calls: list[tuple[str, Any]], path: str, form: dict[str, str], message: str
) -> None:
    reply = await browser(site).post(path, data=form, headers={"origin": ORIGIN})
    assert (reply.status_code, message in reply.text, calls) == (400, True, [])


def test_sentences_of_the_sdk_start_with_a_capital() -> None:
    assert capitalised(["vault 2 was not reached.", ""]) == ["Vault 2 was not reached.", ""]


@pytest.mark.parametrize("form", [{}, {"delete_file": "1"}], ids=["unlisted", "and removed"])
async def test_a_model_leaves_the_market_with_its_file_if_the_form_says_so(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: dict[str, str]
) -> None:
    asked = []

    class Models:
        async def unlist(self, model: str, *, delete_file: bool) -> UnlistResult:
            asked.append(delete_file)
            nodes = (NodeRemoval("http://one", removed=True), NodeRemoval("http://two", removed=False, reason="away."))
            return UnlistResult(1, (), nodes if delete_file else ())

    async def client(*_: object) -> Any:
        return SimpleNamespace(account=SimpleNamespace(address=VISITOR), models=Models())

    monkeypatch.setattr(Site, "client", client)
    store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
    store.write(IndexedBlocks(assets=(asset_row(1, "Dataset", ""),)), trail_of([0]))
    store.close()
    site.hub.height = -1  # type: ignore[attr-defined]
    path = f"/models/0x{1:040x}"
    reply = await browser(site).post(f"{path}/unlist", data=form, headers={"origin": ORIGIN})
    notice = unquote(reply.headers["set-cookie"])
    assert (reply.status_code, asked) == (303, [bool(form)])
    assert ("http://two may still have its file: away." in notice) == bool(form)
    assert "Its sealed file is removed" not in notice
