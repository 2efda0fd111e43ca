"""Forms of owners: values are checked before anything is signed."""

from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.sdk.amounts import amount
from sealgrid.web.pages.sales import capitalised
from sealgrid.web.site import Site
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
