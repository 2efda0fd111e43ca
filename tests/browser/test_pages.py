"""Every page: accessible, on any screen, with or without scripts, with hostile names, against other sites' requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from owner_steps import act_as
from playwright.sync_api import Browser, expect
from visitor import LocalSite, Visitor

import sealgrid
from sealgrid.chain.accounts import development_key
from sealgrid.sdk.asset_facts import AssetKind
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.operations import publish as models

PAGES = (
    "/",
    "/apps/new",
    "/models",
    "/models/new",
    "/compute",
    "/feeds",
    "/tasks",
    "/account",
    "/account/runs",
    "/account/earnings",
    "/docs",
)

ASSET, TASK, STATION = "0x" + "11" * 20, "0x" + "22" * 32, "0x" + "33" * 20
POST_PATHS = (
    "/account/use",
    "/account/deposit",
    "/account/withdraw",
    "/models/new",
    f"/apps/{ASSET}/run",
    f"/tasks/{TASK}/claim",
    *(f"/models/{ASSET}/{action}" for action in ("offer", "price", "unlist", "grant", "revoke")),
    *(f"/apps/{ASSET}/{action}" for action in ("offer", "price", "unlist")),
    "/wallet",
    "/wallet/leave",
    "/wallet/challenge",
    "/wallet/orders",
    "/wallet/policies",
    "/wallet/done",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_serious_accessibility_fault(visitor: Visitor, path: str):
    visitor.open(path)
    assert visitor.accessibility_faults_everywhere() == []


def test_the_pages_of_an_app_and_a_model_have_no_serious_accessibility_fault(
    visitor: Visitor,
):
    for path, link, owner in (("/", "Read licence plates", "developer"), ("/models", "licence plates", "owner")):
        for name in ("stranger", owner):
            act_as(visitor, name)
            visitor.open(path).get_by_role("link", name=link).click()
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text(link)
            expect(visitor.page.get_by_role("heading", name="Manage")).to_have_count(int(name == owner))
            assert visitor.accessibility_faults_everywhere() == []


def test_the_page_of_a_feed_has_no_serious_accessibility_fault(visitor: Visitor, site: LocalSite):
    async def deploy_feed() -> str:
        async with sealgrid.connect_async("owner", data=site.network.layout.root) as owner:
            feed = await owner.feeds.deploy("hash-file", "licence plates")
            await owner.feeds.register(feed, STATION, "station-001")
            return feed

    with ThreadPoolExecutor() as executor:
        feed = executor.submit(lambda: asyncio.run(deploy_feed())).result()
    page = visitor.open("/feeds")
    page.get_by_role("link", name="licence plates").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("licence plates")
    expect(page.locator("#stations")).to_contain_text("no round yet")
    assert page.url.endswith(f"/feeds/{feed}")
    assert visitor.accessibility_faults_everywhere() == []


@pytest.mark.parametrize("path", PAGES)
def test_a_dark_phone_shows_everything_without_scrolling_sideways(phone: Visitor, path: str):
    page = phone.open(path)
    phone.picture(f"phone{path.replace('/', '-')}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.accessibility_faults() == []


def test_everything_can_be_read_without_scripts(browser: Browser, site: LocalSite):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in PAGES:
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(site.url + "/?q=plate")
    assert page.locator(".card").count() == 1
    context.close()


def test_the_search_filters_while_typing(visitor: Visitor):
    page = visitor.open("/")
    page.get_by_label("Search apps").press_sequentially("hash")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("Hash a file")


def test_a_list_is_filtered_by_what_its_cards_say(visitor: Visitor):
    page = visitor.open("/models")
    page.get_by_label("Search models and data").fill("fictional company")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("bicycle rides")
    page.get_by_label("Search models and data").fill("")
    page.get_by_label("Kind").select_option("plate-model")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("licence plates")
    page.get_by_label("only mine").check()
    expect(page.get_by_text("No model matches.")).to_be_visible()


def test_a_form_that_failed_keeps_its_values(visitor: Visitor, tmp_path):
    (tmp_path / "notes.txt").write_text("some notes")
    act_as(visitor, "owner")
    page = visitor.open("/models/new")
    page.get_by_label("The file").set_input_files(tmp_path / "notes.txt")
    page.get_by_label("Name public").fill("my notes")
    page.get_by_label("Price per use").fill("much")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("alert")).to_contain_text("'much' is not a valid amount")
    expect(page.get_by_label("Name public")).to_have_value("my notes")
    assert page.get_by_label("The file").evaluate("field => field.files[0].name") == "notes.txt"
    expect(page.get_by_role("button", name="Seal and publish")).to_be_enabled()
    assert visitor.accessibility_faults() == []


def test_files_above_the_limit_are_refused_before_they_are_sent(visitor: Visitor, tmp_path):
    (tmp_path / "notes.txt").write_text("some notes")
    page = visitor.open("/models/new")
    expect(page.get_by_text("at most 250.0 MB here")).to_be_visible()
    page.get_by_label("The file").evaluate("field => { field.dataset.maxBytes = 9; }")
    page.get_by_label("The file").set_input_files(tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_contain_text("this page takes at most 0.0 MB. Nothing was sent.")
    page.on("request", lambda request: visitor.page_errors.append(f"sent to {request.url}"))
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("alert")).to_be_visible()


ENDLESS = "x" * 120
SCRIPT = "<img src=x onerror=alert(4)>"
READ_ME = (
    f"|a|b|\n|-|-|\n|1|{ENDLESS}|\n\n```\n{ENDLESS}\n```\n"
    "# <script>alert(1)</script>\n[x](javascript:alert(2)) ![p](//evil.example/p.png)\n<b onclick=alert(3)>b</b>\n"
)
FORBIDDEN = (
    "main script:not([src^='/static/']), main img[src='x'], main [onclick], main a[href^='javascript'], main b[onclick]"
)


TOO_SMALL = """
[...document.querySelectorAll("a, button, input, select, textarea, summary")].filter((element) => {
  const { width, height } = element.getBoundingClientRect();
  // A link in a sentence has its line's height; a card's link covers the whole card, and a checkbox has its label.
  return width && height && height < 43.5 && !element.closest("p, dd, h2, .empty, .skip, label.check, .document");
}).map((element) => element.outerHTML.slice(0, 120))
"""


def test_scripts_in_names_and_readmes_do_not_run(visitor: Visitor, site: LocalSite, tmp_path, monkeypatch):
    (tmp_path / "main.py").write_text("print(1)\n")
    (tmp_path / "README.md").write_text(READ_ME)
    (tmp_path / "app.toml").write_text(
        f'name = "hostile"\nversion = "1.0.0"\ntitle = "{SCRIPT}{ENDLESS}"\n'
        'description = "\'\\"><script>alert(5)</script>"\n'
        'entrypoint = ["main.py"]\nfiles = ["main.py", "README.md"]\n'
    )
    visitor.page.on("dialog", lambda dialog: visitor.page_errors.append(f"a dialog opened: {dialog.message}"))

    async def any_name(conn: Connection, kind: AssetKind, name: str) -> str:
        return name  # another client registers any text

    monkeypatch.setattr(models, "check_name", lambda name: name)
    monkeypatch.setattr(models, "next_name", any_name)

    async def publish() -> tuple[str, str]:
        async with connect(site.network.network, development_key("stranger")) as stranger:
            app = (await deploy.deploy(stranger, tmp_path)).address
            model = await models.publish(
                stranger, tmp_path / "main.py", name=SCRIPT + ENDLESS, apps=[app], price=1, card=READ_ME
            )
            return app, model.address

    with ThreadPoolExecutor() as executor:  # Playwright's event loop runs in this thread
        app, model = executor.submit(lambda: asyncio.run(publish())).result()
    visitor.wait_for(f"/models/{model}")
    for path in ("/", "/models"):
        page = visitor.open(path)
        expect(page.get_by_role("link", name=SCRIPT)).to_be_visible()
        assert page.locator(FORBIDDEN).count() == 0
        assert visitor.overflowing_widths() == []
    for path in (f"/apps/{app}", f"/models/{model}"):
        page = visitor.open(path)
        expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
        assert page.locator(FORBIDDEN).count() == 0
        assert visitor.overflowing_widths() == []
    act_as(visitor, "stranger")
    expect(visitor.page.get_by_role("link", name=SCRIPT).first).to_be_visible()
    assert visitor.page.locator(FORBIDDEN).count() == 0
    assert visitor.overflowing_widths() == []


def test_touch_targets_are_44_pixels_tall_on_a_phone(phone: Visitor):
    for path in PAGES:
        page = phone.open(path)
        assert page.evaluate(TOO_SMALL) == [], path


def test_scripts_in_a_notice_or_a_search_stay_text(visitor: Visitor):
    notice = quote("<script>alert(6)</script>", safe="")
    visitor.context.add_cookies([{"name": "sealgrid_notice", "value": notice, "url": visitor.site.url}])
    page = visitor.open("/tasks")
    expect(page.locator(".notice")).to_have_text("<script>alert(6)</script>")
    expect(visitor.open("/tasks").locator(".notice")).to_have_count(0)
    page = visitor.open("/?q=%3Cscript%3Ealert(7)%3C/script%3E")
    expect(page.get_by_text("No app matches “<script>alert(7)</script>”.")).to_be_visible()


def test_a_missing_page_is_not_found(visitor: Visitor):
    for path in ("/apps/0x12", "/models/nothing", "/tasks/0x00"):
        response = visitor.page.request.get(visitor.site.url + path)
        assert response.status == 404
        assert "Page not found" in response.text()
        assert "Traceback" not in response.text()


@pytest.mark.parametrize("path", POST_PATHS)
def test_another_sites_form_is_refused(visitor: Visitor, path: str):
    for origin, statuses in (({"origin": "http://evil.example"}, {403}), ({"origin": "null"}, {403}), ({}, {400})):
        response = visitor.page.request.post(visitor.site.url + path, form={"amount": "1"}, headers=origin)
        assert response.status in statuses, (path, origin)


def test_a_request_that_is_not_a_form_is_refused(visitor: Visitor):
    headers = {"origin": visitor.site.url, "content-type": "application/json"}
    response = visitor.page.request.post(f"{visitor.site.url}/apps/{ASSET}/run", data="{}", headers=headers)
    assert response.status == 400
    assert "not a form" in response.text()


def test_another_host_name_is_refused(visitor: Visitor):
    foreign = visitor.page.request.get(visitor.site.url + "/", headers={"host": "evil.example"})
    assert foreign.status == 403


def test_every_response_has_the_content_security_policy(visitor: Visitor):
    for path in (*PAGES, "/static/site.css", "/apps/0x12"):
        headers = visitor.page.request.get(visitor.site.url + path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
