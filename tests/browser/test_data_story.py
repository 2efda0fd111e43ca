"""Data marketplace: a newcomer runs statistics on a company's table, and the company sees the use."""

import re

import pytest
from owner_steps import act_as
from playwright.sync_api import expect
from purchase import buy_one_run
from visitor import Visitor

pytestmark = pytest.mark.long

RUN_MS = 120_000


def test_a_newcomer_runs_statistics_on_a_companys_table_and_the_company_sees_the_use(visitor: Visitor):
    page = visitor.open("/")
    page.get_by_role("link", name="Models & data").first.click()
    page.get_by_role("link", name="bicycle rides").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bicycle rides")
    table = page.url
    expect(page.get_by_role("link", name="Every release in the vaults' logs")).to_have_count(0)  # they are here
    page.get_by_role("link", name="Use it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Statistics of a table")
    expect(page.get_by_text("No number describes fewer than ten rows").first).to_be_visible()
    expect(page.get_by_label("Model or data").locator("option:checked")).to_contain_text("bicycle rides")
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    task = page.url.rpartition("/")[2]
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=RUN_MS)
    expect(page.locator("#result")).to_contain_text("5000 rows; no number describes fewer than 10")
    expect(page.locator("#result")).to_contain_text('"name": "kilometres"')
    visitor.picture("data-result")

    act_as(visitor, "owner")
    page.goto(table)
    row = page.locator("#uses tr", has=page.locator(f"a[href='/tasks/{task}']")).first
    expect(row).to_contain_text("requester")
    expect(row.locator("time")).to_have_attribute("datetime", re.compile(r"^\d{4}-\d{2}-\d{2}T"))
    expect(row).to_contain_text("csv-statistics")
    visitor.picture("data-of-owner")
    page.goto(visitor.site.url + "/account")
    expect(page.locator(f"a[href='/tasks/{task}']").first).to_be_visible()
