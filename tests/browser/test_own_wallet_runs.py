"""Somebody with a wallet of its own buys a run: the browser seals the input and opens the result, and the site helps."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from own_wallet import connected
from playwright.sync_api import Page, Request, Route, expect
from visitor import Place, Visitor

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


def filled(visitor: Visitor, picture: Path) -> Page:
    page = visitor.open("/")
    page.get_by_role("link", name="Read licence plates").click()
    page.get_by_label("Model or data").select_option(label="licence plates · 3 RLC")
    page.get_by_label("Your files").set_input_files(picture)
    return page


def test_a_wallet_buys_a_run_and_its_browser_alone_seals_and_opens(visitor: Visitor, tmp_path):
    scene = draw_scene(1013, cache_folder() / "fonts" / "NotoSansSC[wght].ttf")
    (tmp_path / "car.png").write_bytes(scene.png)
    wallet = connected(visitor, "requester")
    sent: list[bytes] = []
    visitor.page.on("request", lambda request: sent.append(_body(request)))
    page = filled(visitor, tmp_path / "car.png")
    visitor.picture("own-wallet-form")
    page.get_by_role("button", name="Buy one run").click()
    page.wait_for_url(re.compile("/tasks/0x"))
    assert wallet.asked == [SIGNED, SIGNED, SIGNED, SENT], "the key record, the grant, the request, the deal"
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("All [0-9]+ checks hold"))).to_be_visible()
    assert scene.expected in page.locator("#result").inner_text()
    picture = page.get_by_alt_text("annotated.png, made by the app")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 100
    visitor.picture("own-wallet-result")
    assert visitor.faults_everywhere() == []

    with page.expect_download() as saved:
        page.get_by_role("link", name="Save a copy of the key").click()
    kept = msgspec.json.decode(saved.value.path().read_bytes(), type=JobRecord)
    assert kept.job().result_key.public.hex() in kept.orders[3]["params"], "the command line's own form of it"
    secret, everything = kept.result_key.encode(), b"".join(sent)
    assert b"car.png" not in everything
    assert scene.png[:64] not in everything
    assert secret not in everything.lower()
    assert bytes.fromhex(kept.result_key) not in everything

    told(page, "**/wallet/results/*", lambda it: it["openings"].insert(0, it["openings"][0] | {"sealed": "AAAA"}))
    expect(page.get_by_alt_text("annotated.png, made by the app")).to_be_visible()
    told(page, "**/wallet/results/*", lambda it: it["openings"].insert(0, it["openings"][0] | {"signature": "0x00"}))
    expect(page.get_by_alt_text("annotated.png, made by the app")).to_be_visible()
    told(page, "**/wallet/results/*", lambda it: [each["record"]["message"].update(t="1") for each in it["openings"]])
    expect(page.get_by_text("No vault holds the enclave's key record")).to_be_visible()
    told(page, "**/wallet/results/*", lambda it: it["settle"]["message"].update(enclave="0x" + "1" * 40))
    expect(page.get_by_text("is the result of another task or enclave")).to_be_visible()
    page.unroute_all()

    page.evaluate("localStorage.removeItem(`sealgrid-job-${location.pathname.split('/')[2]}`)")
    page.reload()
    expect(page.get_by_text("is not in this browser")).to_be_visible()


def test_results_that_open_at_once_and_the_log_of_an_app_that_failed_are_opened_by_the_browser_too(
    visitor: Visitor, place: Place, tmp_path
):
    (tmp_path / "direct.onnx").write_bytes(passing((1, 3)))
    (tmp_path / "good.json").write_text("[[1, 2, 3]]")
    (tmp_path / "bad.json").write_text("[[1, 2]]")

    async def publish() -> str:
        async with connect(place.network.network, development_key("owner")) as owner:
            runner = next(offer.address for offer in await open_offers(owner, "App") if offer.name == "onnx-runner")
            made = await models.publish(owner, tmp_path / "direct.onnx", name="direct", apps=[runner], direct=True)
            return made.address

    with ThreadPoolExecutor() as aside:  # the browser's own loop runs in this thread
        model = aside.submit(lambda: asyncio.run(publish())).result()
    visitor.wait_for(f"/models/{model}")
    connected(visitor, "requester")
    page = bought(visitor, model, tmp_path / "good.json")
    expect(page.locator("#result")).to_contain_text('"values"', timeout=60_000)
    page = bought(visitor, model, tmp_path / "bad.json")
    expect(page.get_by_text("The app failed: ")).to_contain_text("the model takes [1, 3]", timeout=60_000)
    expect(page.get_by_text("The run was paid")).to_be_visible()
    expect(page.get_by_role("link", name="app.log")).to_be_visible()


def bought(visitor: Visitor, model: str, file: Path) -> Page:
    page = visitor.open(f"/models/{model}")
    expect(page.get_by_text("nothing is held back until payment")).to_be_visible()
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(file)
    page.get_by_role("button", name="Buy one run").click()
    page.wait_for_url(re.compile("/tasks/0x"))
    return page


def test_a_no_in_the_wallet_ends_a_purchase_before_anything_is_bought(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"any picture")
    wallet = connected(visitor, "requester")
    page = filled(visitor, tmp_path / "car.png")
    wallet.says_no = True
    page.get_by_role("button", name="Buy one run").click()
    expect(page.get_by_text("You said no in your wallet.")).to_be_visible()
    expect(page.get_by_role("button", name="Buy one run")).to_be_enabled()
    assert wallet.asked == [SIGNED]


def test_a_site_that_prepares_another_run_gets_no_signature(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"any picture")
    wallet = connected(visitor, "requester")
    page = filled(visitor, tmp_path / "car.png")

    def another(route):
        answer = route.fetch()
        told = answer.json()
        told["typed"]["grant"]["message"]["fileSha256"] = "0x" + "0" * 64
        route.fulfill(response=answer, json=told)

    page.route("**/wallet/runs", another)
    page.get_by_role("button", name="Buy one run").click()
    expect(page.get_by_text("prepared something else than this run")).to_be_visible()
    assert wallet.asked == []


def test_a_vault_key_that_its_vault_did_not_sign_is_given_nothing(visitor: Visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"any picture")
    wallet = connected(visitor, "requester")
    page = filled(visitor, tmp_path / "car.png")

    def another(route):
        answer = route.fetch()
        told = answer.json()
        told["vaults"][1]["key"] = "0x" + "9" * 64
        route.fulfill(response=answer, json=told)

    page.route("**/wallet/vaults", another)
    page.get_by_role("button", name="Buy one run").click()
    expect(page.get_by_text("does not hold that vault's key")).to_be_visible()
    assert wallet.asked == []


def test_a_run_that_the_escrow_does_not_hold_the_money_for_is_refused_before_anything_is_signed(visitor, tmp_path):
    (tmp_path / "car.png").write_bytes(b"any picture")
    wallet = connected(visitor, SigningKey.generate())
    page = filled(visitor, tmp_path / "car.png")
    page.get_by_role("button", name="Buy one run").click()
    expect(page.get_by_text("are free in escrow; deposit first.")).to_be_visible()
    assert wallet.asked == []


def told(page: Page, where: str, changed: Callable[[Any], object]) -> None:
    """Load the page again while the site tells something else."""

    def another(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        changed(content)
        route.fulfill(response=answer, json=content)

    page.unroute_all()
    page.route(where, another)
    page.reload()


def _body(request: Request) -> bytes:
    return request.url.encode() + b"\n" + (request.post_data_buffer or b"")
