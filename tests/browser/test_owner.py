"""An owner sells a model from the page, earns, takes its money out and the model off the market."""

from playwright.sync_api import expect
from visitor import Visitor


def as_(visitor: Visitor, name: str) -> None:
    page = visitor.open("/account")
    page.get_by_label("acting as").select_option(name)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_an_owner_sells_the_use_of_a_file_and_is_paid_and_ends_the_sale(visitor: Visitor, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "mine.txt").write_text("mine")
    as_(visitor, "owner")
    page = visitor.page
    page.get_by_role("link", name="Models & data").first.click()
    page.get_by_role("link", name="Sell your own").click()
    page.get_by_label("The file").set_input_files(tmp_path / "table.csv")
    page.get_by_label("Name", exact=False).fill("a table")
    hasher = page.locator("#app option", has_text="hash-file").get_attribute("value")
    page.get_by_label("The app that may use it").select_option(hasher)
    page.get_by_label("Price per use").fill("1.5")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a table")
    expect(page.get_by_text("3 of 3 vaults")).to_be_visible()
    visitor.picture("model")
    model = page.url

    as_(visitor, "requester2")
    page.goto(model)
    page.get_by_role("link", name="Use it").click()
    page.get_by_label("Your files").set_input_files(tmp_path / "mine.txt")
    page.get_by_role("button", name="Buy one run").click()
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=60_000)

    as_(visitor, "owner")
    expect(page.get_by_text("1.5 RLC").first).to_be_visible()
    visitor.picture("account-of-owner")
    page.goto(model)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Take it off the market").click()
    expect(page.get_by_text("Not offered now.")).to_be_visible()


def test_a_mistake_is_one_sentence_that_says_that_no_money_moved(visitor: Visitor):
    as_(visitor, "stranger")
    visitor.page.get_by_label("From escrow").fill("a lot")
    visitor.page.get_by_role("button", name="Withdraw").click()
    expect(visitor.page.get_by_text("is no amount")).to_be_visible()
    expect(visitor.page.get_by_text("No money moved.")).to_be_visible()
