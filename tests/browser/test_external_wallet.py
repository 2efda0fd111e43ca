"""An external wallet signs every step that the site prepares; the site never has the key."""

import re

import pytest
from browser_wallet import connect_wallet
from owner_steps import publish
from playwright.sync_api import expect
from visitor import Visitor

from tests.unit.shipped_apps.onnx_writer import passing

SENT, SIGNED = "eth_sendTransaction", "eth_signTypedData_v4"


@pytest.mark.long
def test_an_owner_with_an_external_wallet_deposits_reprices_grants_revokes_and_unlists(visitor: Visitor, tmp_path):
    (tmp_path / "pocketed.onnx").write_bytes(passing((1, 3)))
    model = publish(visitor, tmp_path / "pocketed.onnx", price="2").url
    wallet, page, notice = connect_wallet(visitor), visitor.page, visitor.page.locator(".notice")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("From the wallet into escrow").fill("5")
    page.get_by_role("button", name="Deposit").click()
    expect(notice).to_contain_text("5 RLC went into escrow.")
    page.get_by_label("From escrow into the wallet").fill("4")
    page.get_by_role("button", name="Withdraw").click()
    expect(notice).to_contain_text("4 RLC went into the wallet.")
    assert wallet.requests == [SENT, SENT]
    visitor.picture("account-of-wallet")
    assert visitor.accessibility_faults_everywhere() == []

    wallet.requests.clear()
    page.goto(model)
    page.get_by_label("Price per use").fill("2.5")
    page.get_by_role("button", name="Change").click()
    expect(notice).to_contain_text("1000 uses are for sale at 2.5 RLC each.")
    ends = [SENT] * 10  # of the ten orders that the built-in account signed
    assert wallet.requests == [SIGNED, SIGNED, *ends], "one offer, the market's challenge, the end of the old orders"

    page.get_by_text("Grant access").click()
    page.get_by_label("Account its address").fill("requester2")
    page.get_by_role("button", name="Grant").click()
    expect(page.locator("#buyers")).to_contain_text("requester2")
    page.get_by_role("button", name="Revoke requester2").click()
    expect(notice).to_contain_text("requester2 can no longer buy it.")
    page.get_by_text("Refuse an account").click()
    page.get_by_label("Account", exact=True).fill("thief")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("The vaults refuse its key to thief")).to_be_visible()
    page.get_by_role("button", name="Take it off the market").click()
    expect(page.get_by_text("Not offered now.")).to_be_visible()

    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("owner")


def test_a_rejection_in_the_wallet_changes_nothing(visitor: Visitor):
    wallet, page = connect_wallet(visitor), visitor.page
    wallet.reject_next = True
    page.get_by_label("From the wallet into escrow").fill("5")
    page.get_by_role("button", name="Deposit").click()
    expect(page.get_by_text("You rejected this step in your wallet.")).to_be_visible()
    expect(page.get_by_role("button", name="Deposit")).to_be_enabled()
    page.get_by_label("From the wallet into escrow").fill("a lot")
    page.get_by_role("button", name="Deposit").click()
    expect(page.get_by_text(re.compile("is no amount|is not a valid amount"))).to_be_visible()


def test_a_wallet_is_asked_for_nothing_without_the_pages_script(visitor: Visitor):
    wallet, page = connect_wallet(visitor), visitor.page
    origin = {"origin": visitor.site.url}
    answer = page.request.post(visitor.site.url + "/account/withdraw", form={"amount": "1"}, headers=origin)
    assert answer.status == 400
    assert "signs through this page" in answer.text()
    for path in (
        "/wallet",
        "/wallet/challenge",
        "/wallet/orders",
        "/wallet/policies",
        "/wallet/removals",
        "/wallet/done",
    ):
        foreign = page.request.post(visitor.site.url + path, data="{}", headers={"origin": "http://evil.example"})
        assert foreign.status == 403, path
        assert page.request.post(visitor.site.url + path, data="{}").status == 400, path
    assert wallet.requests == []
