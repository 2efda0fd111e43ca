"""The form that deploys an app: what it says without a wallet of the site, and from another site."""

import pytest

from sealgrid.web.site import Site
from tests.unit.web.site_scene import ORIGIN, WALLET, browser


@pytest.mark.parametrize(
    ("cookies", "words"), [({}, "This site has no wallet of its own."), (WALLET, "With your own wallet")]
)
async def test_without_a_wallet_of_the_site_the_page_names_the_command(
    site: Site, cookies: dict[str, str], words: str
) -> None:
    shown = (await browser(site, cookies).get("/apps/new")).text
    assert words in shown
    assert "sealgrid app deploy my-app" in shown
    assert 'type="file"' not in shown


async def test_an_upload_without_a_wallet_of_the_site_is_refused(site: Site) -> None:
    files = {"archive": ("app.zip", b"x", "application/zip")}
    refused = await browser(site).post("/apps/new", files=files, headers={"origin": ORIGIN})
    assert (refused.status_code, "no built-in wallet" in refused.text) == (400, True)
