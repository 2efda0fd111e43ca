"""Every page: readable by everybody, on any screen, with or without scripts, whatever strangers call their things."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, expect
from visitor import Place, Visitor

from sealgrid.chain.accounts import development_key
from sealgrid.sdk import apps
from sealgrid.sdk.connection import connect

PAGES = ("/", "/models", "/models/new", "/compute", "/tasks", "/account")


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_serious_fault(visitor: Visitor, path: str):
    visitor.open(path)
    assert visitor.faults() == []


def test_axe_finds_no_serious_fault_on_the_pages_of_an_app_and_a_model(visitor: Visitor):
    for path, link in (("/", "Read licence plates"), ("/models", "licence plates")):
        visitor.open(path).get_by_role("link", name=link).click()
        visitor.page.wait_for_load_state()
        assert visitor.faults() == []


@pytest.mark.parametrize("path", PAGES)
def test_a_dark_phone_shows_everything_without_scrolling_sideways(phone: Visitor, path: str):
    page = phone.open(path)
    phone.picture(f"phone{path.replace('/', '-')}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.faults() == []


def test_everything_can_be_read_without_scripts(browser: Browser, place: Place):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in PAGES:
        page.goto(place.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(place.url + "/?q=plate")
    assert page.locator(".card").count() == 1
    context.close()


def test_the_search_narrows_the_list_while_one_types(visitor: Visitor):
    page = visitor.open("/")
    page.get_by_label("Search apps").press_sequentially("hash")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("Hash a file")


def test_an_app_that_is_called_like_a_script_does_nothing(visitor: Visitor, place: Place, tmp_path):
    (tmp_path / "main.py").write_text("print(1)\n")
    (tmp_path / "README.md").write_text(
        "# <script>alert(1)</script>\n[x](javascript:alert(2)) ![p](//evil.example/p.png)\n<b onclick=alert(3)>b</b>\n"
    )
    (tmp_path / "app.toml").write_text(
        'name = "hostile"\nversion = "1.0.0"\ntitle = "<img src=x onerror=alert(4)>"\n'
        'description = "\'\\"><script>alert(5)</script>"\n'
        'entrypoint = ["main.py"]\nfiles = ["main.py", "README.md"]\n'
    )
    visitor.page.on("dialog", lambda dialog: visitor.complaints.append(f"a dialog opened: {dialog.message}"))

    async def deploy() -> str:
        async with connect(place.network.network, development_key("stranger")) as stranger:
            return (await apps.deploy(stranger, tmp_path)).address

    with ThreadPoolExecutor() as aside:  # the browser's own loop runs in this thread
        address = aside.submit(lambda: asyncio.run(deploy())).result()
    visitor.wait_for(f"/apps/{address}")
    page = visitor.open("/")
    expect(page.get_by_role("link", name="<img src=x onerror=alert(4)>")).to_be_visible()
    page = visitor.open(f"/apps/{address}")
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    assert page.locator("main script, main img[src='x'], main [onclick], main a[href^='javascript']").count() == 0


def test_a_page_that_is_not_there_says_so(visitor: Visitor):
    for path in ("/apps/0x12", "/models/nothing", "/tasks/0x00"):
        response = visitor.page.request.get(visitor.place.url + path)
        assert response.status == 404
        assert "Not here" in response.text()
        assert "Traceback" not in response.text()


def test_no_other_site_may_act_for_an_account(visitor: Visitor):
    for origin in ({"origin": "http://evil.example"}, {}):
        answer = visitor.page.request.post(
            visitor.place.url + "/account/withdraw", form={"amount": "1"}, headers=origin
        )
        assert answer.status in {400, 403}
    foreign = visitor.page.request.get(visitor.place.url + "/", headers={"host": "evil.example"})
    assert foreign.status == 403


def test_every_answer_carries_the_policy(visitor: Visitor):
    for path in (*PAGES, "/static/site.css", "/apps/0x12"):
        headers = visitor.page.request.get(visitor.place.url + path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
