"""Purchases that cannot work are refused on the page of an app and of a model, with the reason, and no deal is made."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from browser_wallet import connect_wallet
from owner_steps import act_as
from playwright.sync_api import Locator, Page, expect
from purchase import buy_one_run
from visitor import LocalSite, Visitor

from sealgrid.localnet.layout import cache_folder
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

LETTER = b"dear machine"


@pytest.fixture
def files(tmp_path) -> Path:
    (tmp_path / "letter.png").write_bytes(LETTER)
    (tmp_path / "table.csv").write_bytes(b"a,b\n1,2\n")
    scene = draw_scene(1007, cache_folder() / "fonts" / "NotoSansSC[wght].ttf")
    (tmp_path / "car.png").write_bytes(scene.png)
    return tmp_path


def open_app(visitor: Visitor, title: str) -> Page:
    page = visitor.open("/")
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    return page


def buy(page: Page) -> None:
    page.get_by_role("button", name="Buy one run").click()


def snippet(page: Page, language: str) -> Locator:
    return page.locator("figure.snippet", has=page.locator("figcaption", has_text=language))


def count_tasks(visitor: Visitor, site: LocalSite) -> int:
    """Return the number of tasks on the chain, as the site's index knows them."""
    return len(set(re.findall(r"/tasks/(0x[0-9a-f]{64})", visitor.page.request.get(site.url + "/tasks").text())))


@pytest.mark.parametrize("own_wallet", [False, True], ids=["the site's wallet", "a wallet of one's own"])
def test_a_doomed_purchase_is_refused_with_its_reason_and_no_deal_is_made(visitor, site, files, own_wallet):
    requests: list[str] = []
    if own_wallet:
        wallet = connect_wallet(visitor, "requester")
    else:
        act_as(visitor, "requester")
    before = count_tasks(visitor, site)
    visitor.page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    page = open_app(visitor, "Read licence plates")
    model, chooser = page.get_by_label("Model or data"), page.get_by_label("Your files")
    expect(chooser).to_have_attribute("accept", re.compile("image/png.*[.]png"))
    for label, chosen, sentence in (
        ("", "car.png", "plate-reader needs a model or data of the format plate-model, and none is named"),
        ("licence plates · 3 RLC", "", "plate-reader needs 1 file, and none was given."),
        ("licence plates · 3 RLC", "letter.png", "'letter.png' is plain text, and plate-reader takes a JPEG picture"),
    ):
        model.select_option(label=label) if label else model.select_option("")
        chooser.set_input_files(files / chosen if chosen else [])
        buy(page)
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        expect(page.get_by_role("alert")).to_contain_text("Nothing was bought.")
        expect(page.get_by_role("button", name="Buy one run")).to_be_enabled()
    visitor.picture("doomed-own-wallet" if own_wallet else "doomed")
    assert visitor.accessibility_faults_everywhere() == []
    page = open_app(visitor, "Statistics of a table")
    expect(page.get_by_label("Your files")).to_have_count(0)
    expect(page.get_by_label("Arguments")).to_have_count(0)
    page.get_by_label("Model or data").select_option("")
    buy(page)
    expect(page.get_by_role("alert")).to_contain_text("csv-statistics needs a model or data of the format csv")
    assert [each for each in requests if each.startswith("POST")] == []
    assert count_tasks(visitor, site) == before
    if own_wallet:
        assert wallet.requests == []


def test_the_site_refuses_what_a_page_without_scripts_sends(visitor, site, files):
    act_as(visitor, "requester")
    before = count_tasks(visitor, site)
    page = open_app(visitor, "Read licence plates")
    app, plates = page.url.rsplit("/", 1)[1], page.locator("#model option:nth-child(2)").get_attribute("value")
    table = open_app(visitor, "Statistics of a table").url.rsplit("/", 1)[1]
    letter = {"name": "a.png", "mimeType": "image/png", "buffer": LETTER}
    for target, form, sentence in (
        (app, {"model": plates}, "needs 1 file, and none was given."),
        (app, {"model": plates, "files": letter}, "is plain text, and plate-reader takes a JPEG picture"),
        (app, {"files": letter}, "needs a model or data of the format plate-model"),
        (app, {"model": plates, "args": "--top 2"}, "needs 1 file"),
        (table, {"model": plates}, "its owner has not approved this app"),
        (table, {"args": "x"}, "needs a model or data of the format csv"),
    ):
        reply = visitor.page.request.post(
            f"{site.url}/apps/{target}/run", multipart=form, headers={"origin": site.url}, max_redirects=0
        )
        assert reply.status in {400, 403}
        assert sentence in reply.text().replace("&#39;", "'")
        assert "No money moved." in reply.text()
    assert count_tasks(visitor, site) == before


def test_a_models_page_has_the_form_of_its_app_and_code_to_copy(visitor, site, files):
    act_as(visitor, "requester")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.open("/models")
    page.get_by_role("link", name="licence plates").click()
    expect(page.get_by_label("Model or data")).to_have_count(0)
    buy(page)
    expect(page.get_by_role("alert")).to_contain_text("plate-reader needs 1 file, and none was given.")
    page.get_by_role("link", name="API", exact=True).click()
    for language, words in (
        ("Python", "input.jpg"),
        ("Terminal", "--model 0x"),
        ("HTTP", "curl"),
        ("JavaScript", "fetch"),
    ):
        figure = snippet(page, language)
        figure.get_by_role("button").click()
        expect(figure.get_by_role("button")).to_contain_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert words in copied
        assert copied == figure.locator("pre").inner_text()
    assert visitor.accessibility_faults_everywhere() == []
    page.get_by_label("Your files").set_input_files(files / "car.png")
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)


def test_an_example_is_filled_in_by_a_click_and_arguments_have_fields(visitor, site):
    act_as(visitor, "requester")
    page = open_app(visitor, "Hash a file")
    page.get_by_role("link", name="Use the example").click()
    expect(page.get_by_label("Your files")).to_have_value(re.compile("README.md$"))
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    expect(page.locator("#result")).to_contain_text("README.md", timeout=120_000)
    page = open_app(visitor, "Run an ONNX model")
    expect(page.get_by_text("input.png")).to_have_count(0)
    expect(page.get_by_label("--top")).to_have_attribute("type", "number")
    schema = page.request.get(page.url + "/inputs.schema.json").json()
    assert schema["properties"]["args"]["properties"]["--top"]["minimum"] == 1


@pytest.mark.parametrize("language", ["HTTP", "JavaScript"])
def test_the_code_of_the_hash_apps_page_runs(visitor, site, tmp_path, language):
    if language == "HTTP" and shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    command = {"HTTP": ["bash", "-c"], "JavaScript": [cache_folder() / "node", "--input-type=module", "-e"]}[language]
    act_as(visitor, "requester")
    (tmp_path / "input.txt").write_bytes(LETTER)
    page = open_app(visitor, "Hash a file")
    code = snippet(page, language).locator("pre").inner_text()
    done = subprocess.run([*command, code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert '"name": "input.txt"' in done.stdout
