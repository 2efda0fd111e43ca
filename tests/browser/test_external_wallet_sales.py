"""Models published with an external wallet: the browser seals the file, and its key leaves only as shares."""

import msgspec
from browser_wallet import connect_wallet
from owner_steps import act_as
from playwright.sync_api import expect
from purchase import buy_one_run
from visitor import Visitor

from sealgrid.sdk.stores.model_store import ModelRecord

SENT, SIGNED = "eth_sendTransaction", "eth_signTypedData_v4"


def choose_app(page, name: str) -> None:
    app = page.locator("#app option", has_text=name).first.get_attribute("value")
    page.get_by_label("The app that may use it").select_option(app)


def test_a_browser_seals_a_model_and_a_stranger_buys_its_use(visitor: Visitor, tmp_path):
    secret = b"a secret of the owner and the enclave, " * 20
    (tmp_path / "secret.bin").write_bytes(secret)
    (tmp_path / "mine.txt").write_text("mine")
    wallet, page = connect_wallet(visitor, "owner"), visitor.page
    sent: list[bytes] = []
    page.on("request", lambda request: sent.append(request.post_data_buffer or b""))
    page.goto(visitor.site.url + "/models/new")
    page.get_by_label("The file").set_input_files(tmp_path / "secret.bin")
    page.get_by_role("textbox", name="Name").fill("pocket secrets")
    page.get_by_label("What it is").fill("A *card* from a browser.")
    choose_app(page, "hash-file")
    page.get_by_label("Price per use").fill("1.25")
    visitor.picture("own-wallet-publishes")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("pocket secrets")
    expect(page.locator(".notice")).to_contain_text("pocket secrets is sealed and for sale.")
    assert wallet.requests == [SENT, SIGNED, SIGNED, SIGNED, SIGNED], "registration, record, policy, offer, challenge"
    expect(page.get_by_text("3 of 3 vaults")).to_be_visible()
    expect(page.get_by_text("A card from a browser.")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save a copy of the key").click()
    document = msgspec.json.decode(saved.value.path().read_bytes(), type=ModelRecord)
    everything = b"".join(sent)
    assert secret[:40] not in everything
    assert document.dek.encode() not in everything.lower()
    assert bytes.fromhex(document.dek) not in everything
    visitor.picture("own-wallet-model")
    assert visitor.accessibility_faults_everywhere() == []
    model = page.url

    page.get_by_role("button", name="Leave").click()
    act_as(visitor, "requester2")
    page.goto(model)
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(tmp_path / "mine.txt")
    buy_one_run(page)
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)

    visitor.open("/account").get_by_role("button", name="Connect Pocket").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your wallet")
    page.goto(model)
    page.on("dialog", lambda dialog: dialog.accept())
    wallet.requests.clear()
    page.get_by_label("also remove its sealed file").check()
    visitor.picture("own-wallet-removes")
    page.get_by_role("button", name="Take it off the market").click()
    expect(page.locator(".notice")).to_contain_text("Its sealed file is removed from the storage.")
    expect(page.get_by_text("not in storage now")).to_be_visible()
    assert wallet.requests == [SENT, SIGNED], "the end of the offer, the removal of what the site stored for the wallet"


def test_a_site_that_prepares_a_different_sale_gets_no_signature(visitor: Visitor, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"a secret")
    wallet, page = connect_wallet(visitor, "owner"), visitor.page
    page.goto(visitor.site.url + "/models/new")
    page.get_by_label("The file").set_input_files(tmp_path / "secret.bin")
    choose_app(page, "hash-file")

    def alter_reply(route):
        response = route.fetch()
        reply = response.json()
        reply["typed"]["policy"]["message"]["release"] = "1"
        route.fulfill(response=response, json=reply)

    page.route("**/wallet/models", alter_reply)
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_text("prepared a different sale")).to_be_visible()
    assert wallet.requests == []


def test_nothing_is_registered_while_a_vault_is_unreachable(visitor: Visitor, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"a secret")
    wallet, page = connect_wallet(visitor, "owner"), visitor.page
    page.goto(visitor.site.url + "/models/new")
    page.get_by_label("The file").set_input_files(tmp_path / "secret.bin")
    choose_app(page, "hash-file")

    def remove_vault(route):
        response = route.fetch()
        reply = response.json()
        reply["vaults"][2] = None
        route.fulfill(response=response, json=reply)

    page.route("**/wallet/vaults", remove_vault)
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_text("A vault does not answer")).to_be_visible()
    assert wallet.requests == []


def test_a_file_that_is_no_model_is_refused_in_the_page_before_it_is_sealed(visitor: Visitor, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    wallet, page = connect_wallet(visitor, "owner"), visitor.page
    page.goto(visitor.site.url + "/models/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_label("The file").set_input_files(tmp_path / "model.onnx")
    choose_app(page, "onnx-runner")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_text("model.onnx is not an ONNX model but a Git LFS pointer")).to_be_visible()
    assert (wallet.requests, [url for url in sent if "/wallet/" in url]) == ([], [])
