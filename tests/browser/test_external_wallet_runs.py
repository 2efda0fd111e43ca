"""Runs bought with an external wallet: the browser seals the input and opens the result."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser_wallet import connect_wallet
from playwright.sync_api import Page, Request, Route, expect
from purchase import buy_one_run
from visitor import LocalSite, Visitor

from sealgrid.chain.accounts import development_key
from sealgrid.crypto.signing import SigningKey
from sealgrid.localnet.layout import cache_folder
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations import publish as models
from sealgrid.sdk.resources.offers import open_offers
from sealgrid.sdk.stores.job_store import JobRecord
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene
from tests.unit.shipped_apps.onnx_writer import passing

SENT, SIGNED = "eth_sendTransaction", "eth_signTypedData_v4"


def fill_run_form(visitor: Visitor, picture: Path) -> Page:
    page = visitor.open("/")
    page.get_by_role("link", name="Read licence plates").click()
    page.get_by_label("Model or data").select_option(label="licence plates · 3 RLC")
    page.get_by_label("Your files").set_input_files(picture)
    return page


def test_a_wallet_buys_a_run_that_only_its_browser_seals_and_opens(visitor: Visitor, tmp_path):
    scene = draw_scene(1013, cache_folder() / "fonts" / "NotoSansSC[wght].ttf")
    (tmp_path / "car.png").write_bytes(scene.png)
    wallet = connect_wallet(visitor, "requester")
    sent: list[bytes] = []
    visitor.page.on("request", lambda request: sent.append(_request_bytes(request)))
    page = fill_run_form(visitor, tmp_path / "car.png")
    visitor.picture("own-wallet-form")
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    assert wallet.requests == [SIGNED, SIGNED, SIGNED, SENT], "the key record, the grant, the request, the deal"
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("All [0-9]+ checks hold"))).to_be_visible()
    assert scene.expected in page.locator("#result").inner_text()
    picture = page.get_by_alt_text("annotated.png, made by the app")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 100
    visitor.picture("own-wallet-result")
    assert visitor.accessibility_faults_everywhere() == []

    with page.expect_download() as saved:
        page.get_by_role("link", name="Save a copy of the key").click()
    document = msgspec.json.decode(saved.value.path().read_bytes(), type=JobRecord)
    assert document.job().result_key.public.hex() in document.orders[3]["params"], "the command line's own form of it"
    secret, everything = document.result_key.encode(), b"".join(sent)
    assert b"car.png" not in everything
    assert scene.png[:64] not in everything
    assert secret not in everything.lower()
    assert bytes.fromhex(document.result_key) not in everything

    reload_with(
        page,
        "**/wallet/results/*",
        lambda reply: reply["openings"].insert(0, reply["openings"][0] | {"sealed": "AAAA"}),
    )
    expect(page.get_by_alt_text("annotated.png, made by the app")).to_be_visible()
    reload_with(
        page,
        "**/wallet/results/*",
        lambda reply: reply["openings"].insert(0, reply["openings"][0] | {"signature": "0x00"}),
    )
    expect(page.get_by_alt_text("annotated.png, made by the app")).to_be_visible()
    reload_with(
        page,
        "**/wallet/results/*",
        lambda reply: [each["record"]["message"].update(t="1") for each in reply["openings"]],
    )
    expect(page.get_by_text("No vault holds the enclave's key record")).to_be_visible()
    reload_with(page, "**/wallet/results/*", lambda reply: reply["settle"]["message"].update(enclave="0x" + "1" * 40))
    expect(page.get_by_text("is the result of another task or enclave")).to_be_visible()
    page.unroute_all()

    page.evaluate("localStorage.removeItem(`sealgrid-job-${location.pathname.split('/')[2]}`)")
    page.reload()
    expect(page.get_by_text("does not have the key of this result")).to_be_visible()


@pytest.mark.long
def test_the_browser_opens_direct_results_and_the_log_of_a_failed_app(visitor: Visitor, site: LocalSite, tmp_path):
    (tmp_path / "direct.onnx").write_bytes(passing((1, 3)))
    (tmp_path / "good.json").write_text("[[1, 2, 3]]")
    (tmp_path / "bad.json").write_text("[[1, 2]]")

    async def publish() -> str:
        async with connect(site.network.network, development_key("owner")) as owner:
            runner = next(offer.address for offer in await open_offers(owner, "App") if offer.name == "onnx-runner")
            made = await models.publish(owner, tmp_path / "direct.onnx", name="direct", apps=[runner], direct=True)
            return made.address

    with ThreadPoolExecutor() as executor:  # Playwright's event loop runs in this thread
        model = executor.submit(lambda: asyncio.run(publish())).result()
    visitor.wait_for(f"/models/{model}")
    connect_wallet(visitor, "requester")
    page = buy_run(visitor, model, tmp_path / "good.json")
    expect(page.locator("#result")).to_contain_text('"values"', timeout=120_000)
    page = buy_run(visitor, model, tmp_path / "bad.json")
    expect(page.get_by_text("The app failed: ")).to_contain_text("the model takes [1, 3]", timeout=120_000)
    expect(page.get_by_text("The run was paid")).to_be_visible()
    expect(page.get_by_role("link", name="app.log")).to_be_visible()


def buy_run(visitor: Visitor, model: str, file: Path) -> Page:
    page = visitor.open(f"/models/{model}")
    expect(page.get_by_text("nothing is held back until payment")).to_be_visible()
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(file)
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    return page


def test_a_rejection_in_the_wallet_ends_a_purchase_before_anything_is_bought(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"\x89PNG\r\n\x1a\nany picture")
    wallet = connect_wallet(visitor, "requester")
    page = fill_run_form(visitor, tmp_path / "car.png")
    wallet.reject_next = True
    buy_one_run(page)
    expect(page.get_by_text("You rejected this step in your wallet.")).to_be_visible()
    expect(page.get_by_role("button", name="Buy one run")).to_be_enabled()
    assert wallet.requests == [SIGNED]


def test_a_site_that_prepares_a_different_run_gets_no_signature(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"\x89PNG\r\n\x1a\nany picture")
    wallet = connect_wallet(visitor, "requester")
    page = fill_run_form(visitor, tmp_path / "car.png")

    def alter_reply(route):
        response = route.fetch()
        reply = response.json()
        reply["typed"]["grant"]["message"]["fileSha256"] = "0x" + "0" * 64
        route.fulfill(response=response, json=reply)

    page.route("**/wallet/runs", alter_reply)
    buy_one_run(page)
    expect(page.get_by_text("prepared a different run")).to_be_visible()
    assert wallet.requests == []


def test_nothing_is_signed_for_a_deposit_key_without_its_vaults_signature(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"\x89PNG\r\n\x1a\nany picture")
    wallet = connect_wallet(visitor, "requester")
    page = fill_run_form(visitor, tmp_path / "car.png")

    def alter_reply(route):
        response = route.fetch()
        reply = response.json()
        reply["vaults"][1]["key"] = "0x" + "9" * 64
        route.fulfill(response=response, json=reply)

    page.route("**/wallet/vaults", alter_reply)
    buy_one_run(page)
    expect(page.get_by_text("does not hold that vault's key")).to_be_visible()
    assert wallet.requests == []


def test_a_run_beyond_the_escrow_is_refused_before_anything_is_signed(visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"\x89PNG\r\n\x1a\nany picture")
    wallet = connect_wallet(visitor, SigningKey.generate())
    page = fill_run_form(visitor, tmp_path / "car.png")
    page.get_by_role("button", name="Buy one run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("are missing in your escrow")).to_be_visible()
    expect(dialog.get_by_role("button")).to_have_text(["Close"])
    assert visitor.accessibility_faults_everywhere() == []
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert wallet.requests == []


def reload_with(page: Page, pattern: str, alter: Callable[[Any], object]) -> None:
    """Reload the page and alter the site's JSON reply to the URLs of ``pattern``."""

    def alter_reply(route: Route) -> None:
        response = route.fetch()
        content = response.json()
        alter(content)
        route.fulfill(response=response, json=content)

    page.unroute_all()
    page.route(pattern, alter_reply)
    page.reload()


def _request_bytes(request: Request) -> bytes:
    return request.url.encode() + b"\n" + (request.post_data_buffer or b"")
