"""The steps of a visitor who buys a run: the form, and the dialog that asks once."""

import re

from playwright.sync_api import Page, expect


def buy_one_run(page: Page) -> None:
    """Submit the form of a run, and agree to the price that the dialog shows."""
    page.get_by_role("button", name="Buy one run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_contain_text("Buy one run for")
    dialog.get_by_role("button", name=re.compile("^Buy for ")).click()
