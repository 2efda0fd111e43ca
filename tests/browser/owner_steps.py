"""Steps of owners on the pages, shared by several tests."""

from pathlib import Path

from playwright.sync_api import Page, expect
from visitor import Visitor


def act_as(visitor: Visitor, name: str) -> None:
    page = visitor.open("/account")
    page.get_by_label("acting as").select_option(name)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def publish(visitor: Visitor, file: Path, *, price: str) -> Page:
    act_as(visitor, "owner")
    page = visitor.open("/models/new")
    page.get_by_label("The file").set_input_files(file)
    page.get_by_label("Price per use").fill(price)
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(file.stem)
    return page
