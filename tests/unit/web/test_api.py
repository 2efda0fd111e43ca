"""The application: security headers on every reply, errors as pages or as JSON for wallet.js."""

import pytest

from sealgrid.web import api
from sealgrid.web.site import Site
from tests.unit.web.site_scene import ORIGIN, WALLET_FORM, browser


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/nothing", 404), ("/tasks/0x12", 404)])
async def test_every_reply_has_the_security_headers(site: Site, path: str, status: int) -> None:
    reply = await browser(site).get(path)
    assert reply.status_code == status
    assert {name: reply.headers.get(name) for name in api.SECURITY_HEADERS} == api.SECURITY_HEADERS


async def test_an_error_is_a_page_that_escapes_its_text(site: Site) -> None:
    reply = await browser(site).get("/apps/<script>")
    assert reply.status_code == 404
    assert "<h1>Page not found</h1>" in reply.text
    assert "<script>&#39;" not in reply.text
    assert "&lt;script&gt;" in reply.text


async def test_an_error_for_wallet_js_is_json(site: Site) -> None:
    reply = await browser(site).post("/account/deposit", data={"amount": "1"}, headers=WALLET_FORM)
    assert reply.status_code == 400
    assert "no built-in wallet" in reply.json()["message"]


async def test_an_unexpected_error_shows_no_details(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(site.index), "counts", fail)
    reply = await browser(site).get("/")
    assert (reply.status_code, "secret detail" in reply.text) == (500, False)
    assert "RuntimeError" in reply.text
    assert "RuntimeError" in caplog.text


async def test_a_form_of_another_site_is_refused(site: Site) -> None:
    reply = await browser(site).post("/wallet", data={"address": "0x"}, headers={"origin": "https://evil.example"})
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


async def test_the_host_of_another_site_is_refused(site: Site) -> None:
    assert (await browser(site).get("/", headers={"host": "evil.example"})).status_code == 403
    assert (await browser(site).get("/", headers={"host": ORIGIN.removeprefix("http://")})).status_code == 200
