"""An owner publishes, prices, grants and revokes a model on the pages, is paid, and ends the sale."""

import re
from pathlib import Path

import pytest
from owner_steps import act_as, publish
from playwright.sync_api import expect
from purchase import buy_one_run
from visitor import Visitor

from tests.unit.shipped_apps.onnx_writer import passing


def test_an_owner_sells_the_use_of_a_file_and_is_paid_and_ends_the_sale(visitor: Visitor, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "mine.txt").write_text("mine")
    act_as(visitor, "owner")
    page = visitor.page
    page.get_by_role("link", name="Models & data").first.click()
    page.get_by_role("link", name="Sell your own").click()
    page.get_by_label("The file").set_input_files(tmp_path / "table.csv")
    page.get_by_role("textbox", name="Name").fill("a table")
    hasher = page.locator("#app option", has_text="hash-file").get_attribute("value")
    page.get_by_label("The app that may use it").select_option(hasher)
    page.get_by_label("Price per use").fill("1.5")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a table")
    expect(page.get_by_text("3 of 3 vaults")).to_be_visible()
    visitor.picture("model")
    model = page.url

    act_as(visitor, "requester2")
    page.goto(model)
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(tmp_path / "mine.txt")
    buy_one_run(page)
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)

    act_as(visitor, "owner")
    expect(page.get_by_text("1.5 RLC").first).to_be_visible()
    visitor.picture("account-of-owner")
    page.goto(model)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Take it off the market").click()
    expect(page.get_by_text("Not offered now.")).to_be_visible()
    visitor.picture("model-off-the-market")
    assert visitor.accessibility_faults_everywhere() == []
    page.get_by_role("button", name="Remove its sealed file").click()
    expect(page.locator(".notice")).to_contain_text("Its sealed file is removed from the storage.")
    expect(page.get_by_role("button", name="Remove its sealed file")).to_have_count(0)


def test_a_mistake_is_one_sentence(visitor: Visitor):
    act_as(visitor, "stranger")
    visitor.page.get_by_label("From escrow").fill("a lot")
    visitor.page.get_by_role("button", name="Withdraw").click()
    expect(visitor.page.get_by_text(re.compile("is no amount|is not a valid amount"))).to_be_visible()


@pytest.mark.long
def test_an_owner_grants_a_model_sees_who_used_it_and_revokes_it_so_that_its_buyer_is_refused(
    visitor: Visitor, tmp_path
):
    (tmp_path / "triple.onnx").write_bytes(passing((1, 3)))
    (tmp_path / "input.json").write_text("[[1, 2, 3]]")
    page = publish(visitor, tmp_path / "triple.onnx", price="2")
    model = page.url
    page.get_by_label("Price per use").fill("3")
    page.get_by_role("button", name="Change").click()
    expect(page.locator(".notice")).to_contain_text("1000 uses are for sale at 3 RLC each.")
    page.get_by_text("Grant access").click()
    page.get_by_label("Account its address").fill("stranger")
    page.get_by_label("Until").fill("2090-01-01")
    page.get_by_role("button", name="Grant").click()
    expect(page.locator(".notice")).to_contain_text("stranger may buy it until 2090-01-01.")
    expect(page.locator("#buyers")).to_contain_text("2090-01-01")

    buy_a_run_as("stranger", visitor, model, tmp_path / "input.json")
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)

    act_as(visitor, "owner")
    page.goto(model)
    expect(page.locator("#uses tbody")).to_contain_text("stranger")
    expect(page.locator("#uses tbody")).to_contain_text(re.compile("[23] of 3"))  # t vaults are enough for a run
    visitor.picture("model-of-owner")
    assert visitor.accessibility_faults_everywhere() == []
    page.get_by_role("button", name="Revoke stranger").click()
    expect(page.locator(".notice")).to_contain_text("stranger can no longer buy it.")
    expect(page.get_by_text("No account has access now.")).to_be_visible()

    fill_a_run_as("stranger", visitor, model, tmp_path / "input.json")
    page.get_by_role("button", name="Buy one run").click()
    refusal = page.get_by_text("restricted to others")
    expect(refusal).to_contain_text("No money moved.")


def buy_a_run_as(name: str, visitor: Visitor, model: str, file: Path) -> None:
    fill_a_run_as(name, visitor, model, file)
    buy_one_run(visitor.page)


def fill_a_run_as(name: str, visitor: Visitor, model: str, file: Path) -> None:
    act_as(visitor, name)
    page = visitor.page
    page.goto(model)
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(file)


def test_an_apps_developer_changes_its_price_ends_its_sale_and_sells_it_again(visitor: Visitor):
    act_as(visitor, "developer")
    page, notice = visitor.page, visitor.page.locator(".notice")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="hash-file").first.click()
    page.get_by_label("Price per run").fill("0.25")
    page.get_by_role("button", name="Change").click()
    expect(notice).to_contain_text("runs are for sale at 0.25 RLC each.")
    visitor.picture("app-of-developer")
    page.get_by_role("button", name="Take it off the market").click()
    expect(page.get_by_text("This app is not offered now.")).to_be_visible()
    page.get_by_label("Price per run").fill("0")
    page.get_by_role("button", name="Offer it").click()
    expect(notice).to_contain_text("runs are for sale at 0 RLC each.")
